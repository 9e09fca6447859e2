namespace Cresset.Quantization;

/// <summary>What codes cost.</summary>
public static class BitRate
{
    /// <summary>Bits of one item (an image, a second of sound): positions times the packed widths of all stages.</summary>
    public static long BitsPerItem(long positions, IReadOnlyList<long> codebookSizes)
    {
        ArgumentNullException.ThrowIfNull(codebookSizes);
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        return positions * codebookSizes.Sum(size => (long)BitPacking.BitsFor(size));
    }

    /// <summary>Bits per pixel of an image of height x width.</summary>
    public static double BitsPerPixel(long positions, IReadOnlyList<long> codebookSizes, long height, long width) =>
        (double)BitsPerItem(positions, codebookSizes) / (height * width);

    /// <summary>How many times smaller than the same image with <paramref name="rawBits"/> bits for each pixel and channel.</summary>
    public static double CompressionRatio(long positions, IReadOnlyList<long> codebookSizes, long pixelsAndChannels, int rawBits = 8) =>
        (double)pixelsAndChannels * rawBits / BitsPerItem(positions, codebookSizes);

    /// <summary>Kilobits per second of a stream with that many positions a second.</summary>
    public static double KilobitsPerSecond(double positionsPerSecond, IReadOnlyList<long> codebookSizes)
    {
        ArgumentNullException.ThrowIfNull(codebookSizes);
        return positionsPerSecond * codebookSizes.Sum(size => (double)BitPacking.BitsFor(size)) / 1000;
    }

    /// <summary>Peak signal-to-noise ratio in dB of a mean squared error, for signals of that peak.</summary>
    public static double PeakSignalToNoise(double meanSquaredError, double peak = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(meanSquaredError);
        return 10 * Math.Log10(peak * peak / meanSquaredError);
    }
}
