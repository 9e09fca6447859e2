using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Element type and device of weights about to be made.</summary>
/// <param name="Dtype">Element type: Float32, BFloat16 or Float16.</param>
/// <param name="Device">Device; null is the CPU.</param>
/// <param name="Generator">Source of the initial values; null draws from the global one.</param>
public sealed record WeightPlace(ScalarType Dtype = ScalarType.Float32, Device? Device = null, Generator? Generator = null)
{
    /// <summary>Single precision on the CPU.</summary>
    public static WeightPlace Cpu { get; } = new();

    /// <summary>Shapes without memory: for networks whose weights are about to be read from a checkpoint, and for counting.</summary>
    public static WeightPlace Nowhere { get; } = new(Device: META);

    /// <summary>True when weights have shapes only.</summary>
    public bool IsUnallocated => Device is { type: TorchSharp.DeviceType.META };
}
