using System.Globalization;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Changes of element type that lose digits at most, never a value.</summary>
internal static class TensorCasts
{
    /// <summary>A new tensor of the type.</summary>
    /// <exception cref="NotSupportedException">A finite value lies beyond the type's range and would become infinite.</exception>
    public static Tensor To(Tensor tensor, ScalarType type, string name, string path)
    {
        var result = tensor.to(type, copy: true);
        if (!tensor.is_floating_point() || tensor.dtype == type) return result;
        using var scope = NewDisposeScope();
        var lost = result.isfinite().logical_not().logical_and(tensor.isfinite());
        if (!lost.any().item<bool>()) return result;
        var (count, largest) = (lost.sum().item<long>(), tensor.masked_select(lost).abs().max().to(ScalarType.Float64).item<double>());
        result.Dispose();
        throw new NotSupportedException(
            string.Create(CultureInfo.InvariantCulture,
                $"{path}: {count} values of '{name}' (up to {largest:0.###e+0}) lie beyond the range of {type} and would become infinite; "
                    + $"nothing was written. bf16 and fp32 reach to 3.4e38."));
    }
}
