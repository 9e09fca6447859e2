using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Which element type to compute in for weights stored in another. CPUs multiply float16 4 to 300 times slower than float32, and bfloat16
/// three times slower unless they have instructions for it: there weights stay small in memory and are widened layer by layer.
/// </summary>
internal static class HalfPrecision
{
    private static readonly bool CpuHasBFloat16 = Detect();

    public static ScalarType ComputeType(Tensor weight)
    {
        if (weight.device_type != DeviceType.CPU) return weight.dtype;
        return weight.dtype == ScalarType.Float16 || (weight.dtype == ScalarType.BFloat16 && !CpuHasBFloat16) ? ScalarType.Float32
            : weight.dtype;
    }

    /// <summary>For packed matrices on a CPU: unpacked into bfloat16 where it is multiplied fastest, otherwise into float32.</summary>
    public static ScalarType ForPacked => CpuHasBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;

    public static ScalarType CheckPacked(ScalarType value) => value is ScalarType.Float32 or ScalarType.BFloat16 ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value, "Packed weights are multiplied in Float32 or BFloat16.");

    // Leaf 7: AVX512_BF16 is bit 5 of EAX in subleaf 1, AMX-BF16 bit 22 of EDX in subleaf 0.
    private static bool Detect()
    {
        if (!X86Base.IsSupported) return System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported && OperatingSystem.IsMacOS();
        if (X86Base.CpuId(0, 0).Eax < 7) return false;
        return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;
    }
}
