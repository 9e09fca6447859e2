namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>Largest coordinate of a polygon, in pixels.</summary>
    internal const double MaxCoordinate = 1e6;

    private const double Upsampling = 5;

    /// <summary>
    /// The mask of a polygon <c>x0, y0, x1, y1, ...</c>. The outline is walked on a grid five times finer and rounded in the
    /// manner of the COCO mask code, so that the runs agree with it exactly.
    /// </summary>
    /// <exception cref="ArgumentException">An odd number of coordinates, or one that is not finite or beyond a million pixels.</exception>
    public static RunLengthMask FromPolygon(ReadOnlySpan<double> polygon, int height, int width)
    {
        if (polygon.Length % 2 != 0) throw new ArgumentException($"polygon has {polygon.Length} numbers; pairs x, y are needed.", nameof(polygon));
        if (Check(height, width, [(uint)Math.Clamp((long)height * width, 0, uint.MaxValue)]) is { } problem) throw new ArgumentException(problem + ".", nameof(height));
        foreach (var c in polygon)
        {
            if (!(Math.Abs(c) <= MaxCoordinate)) throw new ArgumentException($"polygon holds the coordinate {c}; finite values up to {MaxCoordinate} are allowed.", nameof(polygon));
        }
        return polygon.Length == 0 ? new RunLengthMask(height, width, [(uint)(height * width)]) : Rasterize(polygon, height, width);
    }

    /// <summary>The mask of a box, drawn as a polygon of four corners.</summary>
    public static RunLengthMask FromBox(Box box, int height, int width)
        => FromPolygon([box.X, box.Y, box.X, box.Bottom, box.Right, box.Bottom, box.Right, box.Y], height, width);

    private static RunLengthMask Rasterize(ReadOnlySpan<double> polygon, int height, int width)
    {
        var corners = polygon.Length / 2;
        var x = new int[corners + 1];
        var y = new int[corners + 1];
        for (var j = 0; j < corners; j++)
        {
            x[j] = (int)((Upsampling * polygon[2 * j]) + .5);
            y[j] = (int)((Upsampling * polygon[(2 * j) + 1]) + .5);
        }
        x[corners] = x[0];
        y[corners] = y[0];
        var total = 0;
        for (var j = 0; j < corners; j++) total += Math.Max(Math.Abs(x[j] - x[j + 1]), Math.Abs(y[j] - y[j + 1])) + 1;
        var u = new int[total];
        var v = new int[total];
        var m = 0;
        for (var j = 0; j < corners; j++) m = WalkEdge(x[j], y[j], x[j + 1], y[j + 1], u, v, m);
        var ends = ColumnCrossings(u, v, m, height, width);
        ends.Sort();
        return FromRunEnds(ends, height, width);
    }

    /// <summary>Points of one edge in unit steps along its longer axis.</summary>
    private static int WalkEdge(int xs, int ys, int xe, int ye, int[] u, int[] v, int m)
    {
        int dx = Math.Abs(xe - xs), dy = Math.Abs(ys - ye);
        var flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
        if (flip) (xs, xe, ys, ye) = (xe, xs, ye, ys);
        if (dx >= dy)
        {
            var slope = (double)(ye - ys) / dx;
            for (var d = 0; d <= dx; d++)
            {
                var t = flip ? dx - d : d;
                u[m] = t + xs;
                v[m++] = (int)(ys + (slope * t) + .5);
            }
        }
        else
        {
            var slope = (double)(xe - xs) / dy;
            for (var d = 0; d <= dy; d++)
            {
                var t = flip ? dy - d : d;
                v[m] = t + ys;
                u[m++] = (int)(xs + (slope * t) + .5);
            }
        }
        return m;
    }

    /// <summary>Where the fine outline crosses the middle of a pixel column, as positions in column order.</summary>
    private static List<uint> ColumnCrossings(int[] u, int[] v, int count, int height, int width)
    {
        var ends = new List<uint>();
        for (var j = 1; j < count; j++)
        {
            if (u[j] == u[j - 1]) continue;
            double column = u[j] < u[j - 1] ? u[j] : u[j] - 1;
            column = ((column + .5) / Upsampling) - .5;
            if (Math.Floor(column) != column || column < 0 || column > width - 1) continue;
            double row = v[j] < v[j - 1] ? v[j] : v[j - 1];
            row = ((row + .5) / Upsampling) - .5;
            if (row < 0) row = 0;
            else if (row > height) row = height;
            ends.Add((uint)(((int)column * height) + (int)Math.Ceiling(row)));
        }
        ends.Add((uint)(height * width));
        return ends;
    }

    private static RunLengthMask FromRunEnds(List<uint> ends, int height, int width)
    {
        uint previous = 0;
        for (var j = 0; j < ends.Count; j++)
        {
            var end = ends[j];
            ends[j] = end - previous;
            previous = end;
        }
        var counts = new List<uint>(ends.Count) { ends[0] };
        for (var j = 1; j < ends.Count;)
        {
            if (ends[j] > 0)
            {
                counts.Add(ends[j++]);
            }
            else if (++j < ends.Count)
            {
                counts[^1] += ends[j++];
            }
        }
        return new RunLengthMask(height, width, counts.ToArray());
    }
}
