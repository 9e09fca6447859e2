namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>
    /// The band of set pixels within a distance of the outline; the distance is <paramref name="ratio"/> of the image's
    /// diagonal, at least one pixel, and outside the image counts as unset (Cheng et al. 2021, arXiv:2103.16562).
    /// </summary>
    public RunLengthMask Boundary(double ratio = 0.02)
    {
        if (!(ratio >= 0 && ratio <= 1)) throw new ArgumentOutOfRangeException(nameof(ratio), ratio, "The ratio must lie in [0, 1]; 0.02 is usual.");
        var diagonal = Math.Sqrt(((double)Height * Height) + ((double)Width * Width));
        var distance = Math.Max(1, (int)Math.Round(ratio * diagonal, MidpointRounding.ToEven));
        var pixels = Decode();
        var inner = ErodeColumns(pixels, distance);
        ErodeRows(inner, distance);
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(pixels[i] & (inner[i] ^ 1));
        return Encode(pixels, Height, Width);
    }

    /// <summary>The smaller of mask IoU and boundary IoU; against a crowd the mask IoU alone.</summary>
    public static double BoundaryIou(RunLengthMask detection, RunLengthMask detectionBoundary, RunLengthMask other, RunLengthMask otherBoundary, bool otherIsCrowd = false)
    {
        ArgumentNullException.ThrowIfNull(detection);
        ArgumentNullException.ThrowIfNull(detectionBoundary);
        var iou = detection.Iou(other, otherIsCrowd);
        return otherIsCrowd ? iou : Math.Min(iou, detectionBoundary.Iou(otherBoundary));
    }

    /// <summary>A pixel stays when all pixels up to the distance above and below are set.</summary>
    private byte[] ErodeColumns(byte[] pixels, int distance)
    {
        var eroded = new byte[pixels.Length];
        for (var x = 0; x < Width; x++)
        {
            ErodeLine(pixels, eroded, x * Height, 1, Height, distance);
        }
        return eroded;
    }

    private void ErodeRows(byte[] pixels, int distance)
    {
        var copy = (byte[])pixels.Clone();
        for (var y = 0; y < Height; y++)
        {
            ErodeLine(copy, pixels, y, Height, Width, distance);
        }
    }

    private static void ErodeLine(byte[] source, byte[] target, int start, int stride, int length, int distance)
    {
        var runStart = -1;
        for (var i = 0; i <= length; i++)
        {
            var set = i < length && source[start + (i * stride)] != 0;
            if (set && runStart < 0) runStart = i;
            if (i < length) target[start + (i * stride)] = 0;
            if (set || runStart < 0) continue;
            for (var k = runStart + distance; k < i - distance; k++) target[start + (k * stride)] = 1;
            runStart = -1;
        }
    }
}
