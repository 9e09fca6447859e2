using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Max pooling that also gives where each maximum stood, and its partial inverse that puts values back there (Zeiler and
/// Fergus 2014; SegNet). Indices are flat within each channel's plane, as PyTorch's.
/// </summary>
internal static class IndexedPooling
{
    /// <summary>Maxima and their indices; [N, C, L], [N, C, H, W] or [N, C, D, H, W].</summary>
    /// <param name="x">Input.</param>
    /// <param name="kernel">Window, one number for all dimensions or one each.</param>
    /// <param name="stride">Step; null takes the kernel.</param>
    /// <param name="padding">Border of -infinity; null is 0.</param>
    /// <exception cref="ShapeException">Another number of dimensions.</exception>
    public static (Tensor Values, Tensor Indices) MaxPool(Tensor x, long[] kernel, long[]? stride = null, long[]? padding = null)
    {
        var places = Places(x);
        var (k, s, p) = Spread(kernel, stride, padding, places);
        switch (places)
        {
            case 1: return nn.functional.max_pool1d_with_indices(x, k[0], s[0], p[0]);
            case 2: return nn.functional.max_pool2d_with_indices(x, k, s, p);
            default: return nn.functional.max_pool3d_with_indices(x, k, s, p);
        }
    }

    /// <summary>Puts each value at its index into a plane of zeros.</summary>
    /// <param name="x">Values, [N, C, ...].</param>
    /// <param name="indices">Flat indices of the same shape (int64).</param>
    /// <param name="kernel">The pooling's window.</param>
    /// <param name="stride">The pooling's step; null takes the kernel.</param>
    /// <param name="padding">The pooling's border; null is 0.</param>
    /// <param name="outputSize">Size before pooling, where the pooling dropped a rest: (n - 1) stride - 2 padding + kernel, give or take
    /// less than a stride.</param>
    /// <exception cref="ShapeException">The shapes differ, or the size cannot have led to this pooling.</exception>
    /// <exception cref="ArgumentException">An index lies outside the result.</exception>
    public static Tensor MaxUnpool(Tensor x, Tensor indices, long[] kernel, long[]? stride = null, long[]? padding = null,
        long[]? outputSize = null)
    {
        var places = Places(x);
        var (k, s, p) = Spread(kernel, stride, padding, places);
        if (!x.shape.SequenceEqual(indices.shape))
            throw new ShapeException($"MaxUnpool: x has shape {Shape.Text(x)} and indices {Shape.Text(indices)}; they must be equal.");
        if (indices.dtype != ScalarType.Int64)
            throw new ArgumentException($"MaxUnpool: indices are {indices.dtype}; expected Int64.", nameof(indices));
        var natural = Enumerable.Range(0, places).Select(i => ((x.size(i + 2) - 1) * s[i]) - (2 * p[i]) + k[i]).ToArray();
        var size = outputSize ?? natural;
        // PyTorch also takes the whole shape with batch and channels.
        if (size.Length == places + 2) size = size[2..];
        if (size.Length != places || Enumerable.Range(0, places).Any(i => size[i] <= natural[i] - s[i] || size[i] >= natural[i] + s[i]))
        {
            throw new ShapeException(
                $"MaxUnpool: outputSize is {Shape.Text(outputSize ?? size)}; for this input it must lie strictly between "
                    + $"{Shape.Text(natural.Zip(s, (n, d) => n - d).ToArray())} and "
                    + $"{Shape.Text(natural.Zip(s, (n, d) => n + d).ToArray())}.");
        }
        var plane = size.Aggregate(1L, (a, b) => a * b);
        using var scope = NewDisposeScope();
        if (x.numel() > 0 && (indices.max().item<long>() >= plane || indices.min().item<long>() < 0))
            throw new ArgumentException(
                $"MaxUnpool: an index lies outside the result of {Shape.Text(size)}: {indices.max().item<long>()} with {plane} places. "
                    + $"Give the size before pooling as outputSize.", nameof(indices));
        var (n, c) = (x.size(0), x.size(1));
        var flat = zeros(n, c, plane, dtype: x.dtype, device: x.device).scatter(2, indices.flatten(2), x.flatten(2));
        return flat.reshape([n, c, .. size]).MoveToOuterDisposeScope();
    }

    private static int Places(Tensor x)
    {
        var places = (int)x.dim() - 2;
        return places is >= 1 and <= 3 ? places : throw Shape.Wrong(x, "[N, C, L], [N, C, H, W] or [N, C, D, H, W]");
    }

    private static (long[] Kernel, long[] Stride, long[] Padding) Spread(long[] kernel, long[]? stride, long[]? padding, int places)
    {
        long[] Each(long[] values, string name, long least)
        {
            if (values.Length != 1 && values.Length != places)
                throw new ArgumentException($"{name} has {values.Length} numbers; give 1 or {places}.", name);
            if (values.Any(v => v < least))
                throw new ArgumentException($"{name} is {Shape.Text(values)}; every number must be {least} or more.", name);
            return values.Length == places ? values : Enumerable.Repeat(values[0], places).ToArray();
        }
        var k = Each(kernel, nameof(kernel), 1);
        return (k, stride is null ? k : Each(stride, nameof(stride), 1),
            padding is null ? new long[places] : Each(padding, nameof(padding), 0));
    }
}
