using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The numbers of contiguous tensors in main memory, without a copy.</summary>
internal static class TensorSpans
{
    /// <summary>The tensor must stay alive as long as the span is used.</summary>
    public static Span<T> Of<T>(Tensor tensor)
        where T : unmanaged
        => TensorView.Dense<T>(tensor).Span;

    /// <summary>Whether the managed kernels can work on the tensor's memory.</summary>
    public static bool IsManaged(Tensor tensor) =>
        !KernelPause.IsOn && tensor.device_type == DeviceType.CPU && tensor.dtype == ScalarType.Float32;
}
