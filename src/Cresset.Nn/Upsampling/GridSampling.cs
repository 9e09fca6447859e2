using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Sampling a picture at given places, with the bicubic mode that TorchSharp 0.107 lacks (its cast runs bilinear).</summary>
internal static class GridSampling
{
    private const double A = -0.75;

    /// <summary>
    /// Values of x [N, C, H, W] at grid [N, h, w, 2] (x before y, -1 to 1 from edge to edge), [N, C, h, w]; bicubic with a = -0.75 as
    /// PyTorch's grid_sample.
    /// </summary>
    /// <param name="x">Picture.</param>
    /// <param name="grid">Places.</param>
    /// <param name="padding">What lies outside: zeros, the border, or the reflection.</param>
    /// <param name="alignCorners">-1 and 1 are the centres of the corner pixels; false: the outer edges.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor Bicubic(Tensor x, Tensor grid, GridSamplePaddingMode padding = GridSamplePaddingMode.Zeros,
        bool alignCorners = false)
    {
        Shape.Expect(x, "N C H W");
        Shape.Expect(grid, "N Y X 2", ("N", x.size(0)));
        if (x.size(2) == 0 || x.size(3) == 0) throw Shape.Wrong(x, "[N, C, H, W] with at least one pixel");
        using var scope = NewDisposeScope();
        var (height, width) = (x.size(2), x.size(3));
        // Half precision cannot count the pixels of a row.
        if (grid.dtype is ScalarType.Float16 or ScalarType.BFloat16) grid = grid.to(ScalarType.Float32);
        var (px, py) = (Pixels(grid.select(3, 0), width, alignCorners), Pixels(grid.select(3, 1), height, alignCorners));
        var (left, top) = (px.detach().floor(), py.detach().floor());
        var (weightsX, weightsY) = (Weights(px - left), Weights(py - top));
        var flat = x.flatten(2);
        Tensor? sum = null;
        for (var j = 0; j < 4; j++)
        {
            Tensor? row = null;
            for (var i = 0; i < 4; i++)
            {
                var value = Tap(flat, left + (i - 1), top + (j - 1), width, height, padding, alignCorners) * weightsX[i].unsqueeze(1);
                row = row is null ? value : row + value;
            }
            sum = sum is null ? row! * weightsY[j].unsqueeze(1) : sum + (row! * weightsY[j].unsqueeze(1));
        }
        return sum!.to(x.dtype).MoveToOuterDisposeScope();
    }

    private static Tensor Pixels(Tensor coordinate, long size, bool align) =>
        align ? (coordinate + 1) * ((size - 1) / 2.0) : ((coordinate + 1) * size - 1) / 2;

    // Keys' cubic at distances 1 + t, t, 1 - t, 2 - t.
    private static Tensor[] Weights(Tensor t)
    {
        static Tensor Far(Tensor d) => ((d * A - (5 * A)) * d + (8 * A)) * d - (4 * A);
        static Tensor Near(Tensor d) => (d * (A + 2) - (A + 3)) * d * d + 1;
        return [Far(t + 1), Near(t), Near(1 - t), Far(2 - t)];
    }

    // The value at integer places [N, h, w], which the padding rule moves inside or blanks.
    private static Tensor Tap(Tensor flat, Tensor column, Tensor row, long width, long height, GridSamplePaddingMode padding, bool align)
    {
        var inside = column.ge(0).logical_and(column.lt(width)).logical_and(row.ge(0)).logical_and(row.lt(height));
        if (padding == GridSamplePaddingMode.Reflection) (column, row) = (Reflect(column, width, align), Reflect(row, height, align));
        // Whole numbers first: a float32 product is off above 2^24 places.
        var index = (Whole(row, height) * width) + Whole(column, width);
        var (n, h, w) = (index.size(0), index.size(1), index.size(2));
        var value = flat.gather(2, index.reshape(n, 1, h * w).expand(n, flat.size(1), h * w)).view(n, flat.size(1), h, w);
        return padding == GridSamplePaddingMode.Zeros ? value.masked_fill(inside.logical_not().unsqueeze(1), 0) : value;
    }

    // A place that is not a number reads any pixel: its weights are not numbers either, and so is the result.
    private static Tensor Whole(Tensor place, long size) => place.clamp(0, size - 1).nan_to_num(0).to(ScalarType.Int64);

    // Mirrors at the centres (aligned) or the outer edges of the border pixels.
    private static Tensor Reflect(Tensor place, long size, bool align)
    {
        if (size == 1) return zeros_like(place);
        var (low, span) = align ? (0.0, size - 1.0) : (-0.5, (double)size);
        var distance = (place - low).abs();
        var flips = (distance / span).floor();
        var rest = distance - (flips * span);
        return where(flips.remainder(2).eq(0), rest + low, span - rest + low);
    }
}
