namespace Cresset.Quantization;

/// <summary>Which codes MaskGIT keeps first.</summary>
public enum MaskOrder
{
    /// <summary>The surest, with noise (Chang et al. 2022).</summary>
    Confidence,

    /// <summary>
    /// Those of a sequence that spreads evenly over the map, so that codes drawn in the same step lie far from each other and depend little
    /// on one another (Besnier et al. 2025, arXiv:2503.17076).
    /// </summary>
    Halton,
}

/// <summary>Positions of a map in the order of the two-dimensional Halton sequence (bases 2 and 3).</summary>
internal static class HaltonOrder
{
    /// <summary>The place of each position, in raster order, in the sequence; every place is taken once.</summary>
    public static int[] Of(int height, int width)
    {
        var rank = new int[height * width];
        Array.Fill(rank, -1);
        var next = 0;
        // The sequence comes into every cell of the map; a multiple of the cells is enough for all but a few, which follow in raster order.
        for (var i = 1; next < rank.Length && i <= 64 * rank.Length; i++)
        {
            var at = ((int)(Radical(i, 2) * height) * width) + (int)(Radical(i, 3) * width);
            if (rank[at] < 0) rank[at] = next++;
        }
        for (var i = 0; i < rank.Length; i++)
        {
            if (rank[i] < 0) rank[i] = next++;
        }
        return rank;
    }

    // The digits of i in the base, mirrored at the point.
    private static double Radical(int i, int radix)
    {
        var (value, share) = (0.0, 1.0 / radix);
        for (; i > 0; i /= radix, share /= radix) value += i % radix * share;
        return value;
    }
}
