using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Pooling, adaptive pooling, unpooling.</summary>
internal static class PoolingRules
{
    public static void AddTo(RuleTable table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            table.One($"max_pool{n}d", c => MaxPool(c, dimensions, 1)[0]);
            table.Many($"max_pool{n}d_with_indices", c => MaxPool(c, dimensions, 2));
            table.One($"avg_pool{n}d", c => AveragePool(c, dimensions));
            table.One($"adaptive_avg_pool{n}d", c => AdaptiveAverage(c, dimensions));
            table.Many($"adaptive_max_pool{n}d", c => [AdaptiveMaximum(c, dimensions), .. c.ResultCount > 1 ? new[] { "" } : []]);
            if (n > 1) table.One($"max_unpool{n}d", c => Unpool(c, dimensions));
        }
    }

    // Pooling takes a batch: one item becomes a batch of one.
    private static string Batched(OnnxOperation c, int dimensions, Func<string, string> pool)
    {
        if (c.Rank(0) != dimensions + 1) return pool(c.Tensor(0));
        return c.Emit("Squeeze", [pool(c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(0)])), c.Int64(0)]);
    }

    private static string[] MaxPool(OnnxOperation c, int dimensions, int results)
    {
        var kernel = c.Ints(1, dimensions);
        var stride = c.Ints(2, dimensions);
        var padding = c.Ints(3, dimensions);
        if (c.Flag(5)) CheckCeiling(c, dimensions, kernel, stride, padding);
        (string, object)[] attributes =
        [
            ("kernel_shape", kernel), ("strides", stride.Length == 0 ? kernel : stride), ("pads", (long[])[.. padding, .. padding]),
            ("dilations", c.Ints(4, dimensions)), ("ceil_mode", c.Flag(5)),
        ];
        if (results == 1) return [Batched(c, dimensions, x => c.Emit("MaxPool", [x], attributes))];
        if (c.Rank(0) != dimensions + 2) throw c.Refuse("it gives places, and its input has no batch dimension");
        var both = c.Emit("MaxPool", [c.Tensor(0)], 2, attributes);
        // ONNX counts places over the whole tensor, libtorch within a channel.
        var size = c.SizesFrom(0, 2).Aggregate(1L, (p, s) => p * s);
        return [both[0], c.Emit("Mod", [both[1], c.Int64Scalar(size)])];
    }

    // A last window that would begin in the padding is left out by libtorch.
    private static void CheckCeiling(OnnxOperation c, int dimensions, long[] kernel, long[] stride, long[] padding)
    {
        for (var i = 0; i < dimensions; i++)
        {
            if (!c.Shape(0)[^(dimensions - i)].IsFixed) throw c.Refuse("ceil_mode with a size that varies");
            var (size, step) = (c.Size(0, i - dimensions), stride.Length == 0 ? kernel[i] : stride[i]);
            var rounded = (size + (2 * padding[i]) - kernel[i] + step - 1) / step;
            if (rounded * step >= size + padding[i]) throw c.Refuse("with ceil_mode its last window begins in the padding");
        }
    }

    private static string AveragePool(OnnxOperation c, int dimensions)
    {
        var kernel = c.Ints(1, dimensions);
        var stride = c.Ints(2, dimensions) is { Length: > 0 } given ? given : kernel;
        var padding = c.Ints(3, dimensions);
        if (c.Flag(4)) throw c.Refuse("ceil_mode counts padding another way in ONNX");
        var divided = Batched(c, dimensions,
            x => c.Emit("AveragePool", [x], ("kernel_shape", kernel), ("strides", stride), ("pads", (long[])[.. padding, .. padding]),
                ("count_include_pad", c.Flag(5) || c.Has(6))));
        if (!c.Has(6)) return divided;
        // Another divisor than the window's size.
        return c.Emit("Mul", [divided, c.Scalar(kernel.Aggregate(1.0, (p, k) => p * k) / c.Number(6), c.ResultType)]);
    }

    // Equal windows are a pooling; windows that differ in size are a product with the matrix of their shares, dimension by dimension.
    private static string AdaptiveAverage(OnnxOperation c, int dimensions)
    {
        var wanted = Wanted(c, dimensions);
        if (wanted.All(w => w == 1)) return Batched(c, dimensions, x => c.Emit("GlobalAveragePool", [x]));
        var shape = Enumerable.Range(0, dimensions).Select(i => c.Size(0, i - dimensions)).ToArray();
        if (shape.Zip(wanted, (s, w) => s % w).All(r => r == 0))
            return Batched(c, dimensions, x => Equal(c, x, "AveragePool", shape, wanted));
        var result = c.Tensor(0);
        for (var i = 0; i < dimensions; i++)
        {
            var shares = zeros(shape[i], wanted[i], dtype: ScalarType.Float64);
            foreach (var (start, end, o) in Windows(shape[i], wanted[i])) shares[start..end, o] = 1.0 / (end - start);
            var matrix = c.Constant(shares.to(ElementTypes.Torch(c.ResultType)));
            // The pooled dimension stands last for the product.
            var order = Enumerable.Range(0, c.Rank(0)).Select(d => (long)d).ToArray();
            var axis = order.Length - dimensions + i;
            (order[axis], order[^1]) = (order[^1], order[axis]);
            result = c.Emit("Transpose", [c.Emit("MatMul", [c.Emit("Transpose", [result], ("perm", order)), matrix])], ("perm", order));
        }
        return result;
    }

    private static string AdaptiveMaximum(OnnxOperation c, int dimensions)
    {
        var wanted = Wanted(c, dimensions);
        if (wanted.All(w => w == 1)) return Batched(c, dimensions, x => c.Emit("GlobalMaxPool", [x]));
        var shape = Enumerable.Range(0, dimensions).Select(i => c.Size(0, i - dimensions)).ToArray();
        if (shape.Zip(wanted, (s, w) => s % w).All(r => r == 0)) return Batched(c, dimensions, x => Equal(c, x, "MaxPool", shape, wanted));
        var result = c.Tensor(0);
        for (var i = 0; i < dimensions; i++)
        {
            var axis = c.Rank(0) - dimensions + i;
            var source = result;
            result = c.Emit(
                "Concat",
                [.. Windows(shape[i], wanted[i])
                    .Select(
                        w => c.Emit("ReduceMax",
                            [c.Emit("Slice", [source, c.Int64(w.Start), c.Int64(w.End), c.Int64(axis)]), c.Int64(axis)],
                            ("keepdims", 1L)))],
                ("axis", axis));
        }
        return result;
    }

    // A missing size keeps the input's.
    private static long[] Wanted(OnnxOperation c, int dimensions) => c.Ints(1, dimensions);

    private static string Equal(OnnxOperation c, string x, string type, long[] shape, long[] wanted)
    {
        var window = shape.Zip(wanted, (s, w) => s / w).ToArray();
        return c.Emit(type, [x], ("kernel_shape", window), ("strides", window));
    }

    private static IEnumerable<(int Start, int End, int Index)> Windows(long size, long count)
        => Enumerable.Range(0, (int)count).Select(o => ((int)(o * size / count), (int)((((o + 1) * size) + count - 1) / count), o));

    // Zeros, with each value at its place within its channel.
    private static string Unpool(OnnxOperation c, int dimensions)
    {
        if (c.Rank(0) != dimensions + 2) throw c.Refuse("its input has no batch dimension");
        var size = c.Ints(2).Aggregate(1L, (p, s) => p * s);
        var channels = c.Size(0, 1);
        string Flat(string x) => c.Emit("Reshape", [x, c.Int64(0, channels, -1)]);
        var zeros = c.Emit("Expand",
            [c.Scalar(0, c.ResultType), c.SizeList([c.Shape(0)[0], OnnxSize.Fixed(channels), OnnxSize.Fixed(size)])]);
        var filled = c.Emit("ScatterElements", [zeros, Flat(c.Tensor(1)), Flat(c.Tensor(0))], ("axis", 2L));
        return c.Emit("Reshape", [filled, c.Int64([0, channels, .. c.Ints(2)])]);
    }
}
