using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Codes are indices into tables: one out of range reads another table's entry or foreign memory, so every door that takes codes asks here
/// first.
/// </summary>
internal static class CodeRange
{
    /// <summary>
    /// Checks int64 codes of any shape whose last dimension repeats the pattern <paramref name="sizes"/> (one size: all alike).
    /// </summary>
    /// <param name="codes">The codes.</param>
    /// <param name="sizes">Codes of each table.</param>
    /// <param name="argument">Name of the argument, for the message.</param>
    /// <param name="none">Whether -1 stands for no code.</param>
    /// <exception cref="ArgumentException">Another type, or a code out of range; the message gives its position and value.</exception>
    public static void Check(Tensor codes, IReadOnlyList<long> sizes, string argument, bool none = false)
    {
        if (codes.dtype != ScalarType.Int64) throw new ArgumentException($"{argument} are {codes.dtype}; expected Int64.", argument);
        using var scope = NewDisposeScope();
        var least = none ? -1 : 0;
        // Elsewhere than in main memory a copy only where something is wrong.
        if (codes.device_type != DeviceType.CPU && sizes.Count == 1 && !codes.lt(least).any().ToBoolean()
            && !codes.ge(sizes[0]).any().ToBoolean()) return;
        var all = TensorSpans.Of<long>(codes.detach().cpu().contiguous());
        for (var i = 0; i < all.Length; i++)
        {
            var size = sizes[i % sizes.Count];
            if (all[i] < least || all[i] >= size)
                throw new ArgumentException(
                    $"Index {all[i]} at position {Position(i, codes.shape)} of {argument} is out of range; allowed: 0 to "
                        + $"{size - 1}{(none ? ", or -1 for none" : "")}.", argument);
        }
    }

    /// <summary>"[2, 0, 1]": where element <paramref name="flat"/> of a tensor of this shape lies.</summary>
    public static string Position(long flat, long[] shape)
    {
        var position = new long[shape.Length];
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            position[i] = flat % shape[i];
            flat /= shape[i];
        }
        return Shape.Text(position);
    }
}
