using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Cuts pictures and latents into overlapping tiles and blends the results linearly, so memory does not grow with size.</summary>
/// <param name="PictureTile">Side of a tile in picture pixels.</param>
/// <param name="Downscale">Picture pixels a latent pixel.</param>
/// <param name="Overlap">Part of a tile that overlaps its neighbour, 0 to below 1.</param>
public sealed record VaeTiling(int PictureTile, int Downscale = 8, double Overlap = 0.25)
{
    private int LatentTile => PictureTile / Downscale;

    internal bool IsNeeded(long height, long width) => height > PictureTile || width > PictureTile;

    internal Tensor Encode(Tensor picture, Func<Tensor, Tensor> encode)
        => Run(picture, PictureTile, (int)(PictureTile * (1 - Overlap)), (int)(LatentTile * Overlap), LatentTile, encode);

    internal Tensor Decode(Tensor latent, Func<Tensor, Tensor> decode)
        => Run(latent, LatentTile, (int)(LatentTile * (1 - Overlap)), (int)(PictureTile * Overlap), PictureTile, decode);

    private static Tensor Run(Tensor x, int tile, int step, int blend, int resultTile, Func<Tensor, Tensor> work)
    {
        if (step < 1) throw new ArgumentException($"A tile of {tile} pixels is too small for its overlap; use larger tiles.");
        using var scope = NewDisposeScope();
        var keep = resultTile - blend;
        var above = new List<Tensor>();
        var rows = new List<Tensor>();
        for (long top = 0; top < x.size(2); top += step)
        {
            var row = new List<Tensor>();
            for (long left = 0; left < x.size(3); left += step)
            {
                var part = work(x.narrow(2, top, Math.Min(tile, x.size(2) - top)).narrow(3, left, Math.Min(tile, x.size(3) - left)));
                // A tile is blended with its finished neighbours above and to the left.
                if (above.Count > 0) part = Blend(above[row.Count], part, 2, blend);
                if (row.Count > 0) part = Blend(row[^1], part, 3, blend);
                row.Add(part);
            }
            rows.Add(cat([.. row.Select(t => t.narrow(2, 0, Math.Min(keep, t.size(2))).narrow(3, 0, Math.Min(keep, t.size(3))))], 3));
            above = row;
        }
        return cat(rows, 2).MoveToOuterDisposeScope();
    }

    private static Tensor Blend(Tensor before, Tensor after, int dimension, int extent)
    {
        var count = Math.Min(extent, Math.Min(before.size(dimension), after.size(dimension)));
        if (count == 0) return after;
        using var scope = NewDisposeScope();
        var shape = new long[] { 1, 1, 1, 1 };
        shape[dimension] = count;
        var weight = arange(count, ScalarType.Float32, after.device).div_(count).view(shape).to(after.dtype);
        var old = before.narrow(dimension, before.size(dimension) - count, count);
        var mixed = old.mul(1 - weight).add(after.narrow(dimension, 0, count).mul(weight));
        return cat([mixed, after.narrow(dimension, count, after.size(dimension) - count)], dimension).MoveToOuterDisposeScope();
    }
}
