namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>
    /// The band of set pixels within a distance of the outline; the distance is <paramref name="ratio"/> of the image's diagonal, at least
    /// one pixel, and outside the image counts as unset (Cheng et al. 2021, arXiv:2103.16562).
    /// </summary>
    public RunLengthMask Boundary(double ratio = 0.02)
    {
        if (!(ratio >= 0 && ratio <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(ratio), ratio, "The ratio must lie in [0, 1]; 0.02 is usual.");
        }
        var diagonal = Math.Sqrt(((double)Height * Height) + ((double)Width * Width));
        var distance = Math.Max(1, (int)Math.Round(ratio * diagonal, MidpointRounding.ToEven));
        var bounds = Bounds;
        if (bounds.Width == 0) return Empty(Height, Width);
        // Outside its bounds nothing is set, and outside the image counts as unset, so the work stays within the bounds.
        int left = (int)bounds.X, top = (int)bounds.Y, columns = (int)bounds.Width, rows = (int)bounds.Height;
        var band = new byte[columns * rows];
        var inner = new byte[columns * rows];
        FillColumns(band, inner, left, top, rows, distance);
        ErodeAcross(inner, band, columns, rows, distance);
        return EncodeWithin(band, left, top, columns, rows);
    }

    /// <summary>The smaller of mask IoU and boundary IoU; against a crowd the mask IoU alone.</summary>
    public static double BoundaryIou(RunLengthMask detection, RunLengthMask detectionBoundary, RunLengthMask other,
        RunLengthMask otherBoundary, bool otherIsCrowd = false)
    {
        ArgumentNullException.ThrowIfNull(detection);
        ArgumentNullException.ThrowIfNull(detectionBoundary);
        var iou = detection.Iou(other, otherIsCrowd);
        return otherIsCrowd ? iou : Math.Min(iou, detectionBoundary.Iou(otherBoundary));
    }

    /// <summary>The set pixels within the bounds, and those that have the distance above and below them set too.</summary>
    private void FillColumns(byte[] pixels, byte[] inner, int left, int top, int rows, int distance)
    {
        long at = 0;
        var runs = Runs;
        for (var i = 0; i < runs.Length; i++)
        {
            long run = runs[i];
            if (i % 2 == 1)
            {
                // A run may go on from the end of one column to the next, where the image's edge parts it.
                for (var from = at; from < at + run;)
                {
                    int x = (int)(from / Height), y = (int)(from % Height);
                    var length = (int)Math.Min(at + run - from, Height - y);
                    var start = ((x - left) * rows) + y - top;
                    pixels.AsSpan(start, length).Fill(1);
                    if (length > 2 * distance) inner.AsSpan(start + distance, length - (2 * distance)).Fill(1);
                    from += length;
                }
            }
            at += run;
        }
    }

    /// <summary>Clears from the band every pixel whose neighbours up to the distance left and right are inner ones too.</summary>
    private static void ErodeAcross(byte[] inner, byte[] band, int columns, int rows, int distance)
    {
        var needed = (ushort)Math.Min((2 * distance) + 1, ushort.MaxValue);
        if (columns < needed) return;
        // For each row, how many columns in a row up to here are inner.
        var streak = new ushort[rows];
        for (var x = 0; x < columns; x++)
        {
            var column = inner.AsSpan(x * rows, rows);
            var middle = x - distance;
            var target = middle >= 0 ? band.AsSpan(middle * rows, rows) : default;
            if (column.IndexOf((byte)1) < 0)
            {
                Array.Clear(streak);
                continue;
            }
            for (var y = 0; y < rows; y++)
            {
                var count = column[y] == 0 ? 0 : Math.Min(streak[y] + 1, needed);
                streak[y] = (ushort)count;
                if (count == needed) target[y] = 0;
            }
        }
    }

    private RunLengthMask EncodeWithin(byte[] pixels, int left, int top, int columns, int rows)
    {
        var counts = new List<uint>();
        long before = 0;
        for (var x = 0; x < columns; x++)
        {
            var column = pixels.AsSpan(x * rows, rows);
            for (var y = 0; y < rows;)
            {
                var next = column[y..].IndexOf((byte)1);
                if (next < 0) break;
                y += next;
                var length = column[y..].IndexOf((byte)0);
                if (length < 0) length = rows - y;
                var start = ((long)(left + x) * Height) + top + y;
                // A run that goes on over the image's edge is one run.
                if (start == before && counts.Count > 0) counts[^1] += (uint)length;
                else
                {
                    counts.Add((uint)(start - before));
                    counts.Add((uint)length);
                }
                before = start + length;
                y += length;
            }
        }
        var rest = ((long)Height * Width) - before;
        if (rest > 0 || counts.Count == 0) counts.Add((uint)rest);
        return new RunLengthMask(Height, Width, counts.ToArray());
    }
}
