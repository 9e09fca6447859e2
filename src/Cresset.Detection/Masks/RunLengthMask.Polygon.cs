using System.Buffers;

namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>Largest coordinate of a polygon, in pixels.</summary>
    internal const double MaxCoordinate = 1e6;

    private const int Upsampling = PolygonOutline.Upsampling;

    /// <summary>
    /// The mask of a polygon <c>x0, y0, x1, y1, ...</c>. The outline is walked on a grid five times finer and rounded in the manner of the
    /// COCO mask code, so that the runs agree with it exactly.
    /// </summary>
    /// <exception cref="ArgumentException">An odd number of coordinates, or one that is not finite or beyond a million pixels.</exception>
    public static RunLengthMask FromPolygon(ReadOnlySpan<double> polygon, int height, int width)
    {
        if (polygon.Length % 2 != 0)
        {
            throw new ArgumentException($"polygon has {polygon.Length} numbers; pairs x, y are needed.", nameof(polygon));
        }
        if (Check(height, width, (long)height * width) is { } problem) throw new ArgumentException(problem + ".", nameof(height));
        foreach (var c in polygon)
        {
            if (Math.Abs(c) <= MaxCoordinate) continue;
            throw new ArgumentException($"polygon holds the coordinate {c}; finite values up to {MaxCoordinate} are allowed.",
                nameof(polygon));
        }
        return polygon.Length == 0 ? new RunLengthMask(height, width, [(uint)(height * width)]) : Rasterize(polygon, height, width);
    }

    internal const string CannotDraw = "has a polygon with a coordinate that is not finite or beyond a million pixels.";

    // Readers ask before they keep a polygon, so that the record is named and not found out when it is drawn.
    internal static bool CanDraw(ReadOnlySpan<double> polygon)
    {
        foreach (var c in polygon)
        {
            if (!(Math.Abs(c) <= MaxCoordinate)) return false;
        }
        return true;
    }

    /// <summary>The mask of a box, drawn as a polygon of four corners.</summary>
    public static RunLengthMask FromBox(Box box, int height, int width)
        => FromPolygon([box.X, box.Y, box.X, box.Bottom, box.Right, box.Bottom, box.Right, box.Y], height, width);

    private static RunLengthMask Rasterize(ReadOnlySpan<double> polygon, int height, int width)
    {
        var corners = polygon.Length / 2;
        var points = ArrayPool<int>.Shared.Rent(2 * (corners + 1));
        long crossings = 1;
        for (var j = 0; j <= corners; j++)
        {
            var corner = j < corners ? j : 0;
            points[2 * j] = (int)((Upsampling * polygon[2 * corner]) + .5);
            points[(2 * j) + 1] = (int)((Upsampling * polygon[(2 * corner) + 1]) + .5);
            // One fine column in five is the middle of a pixel; the step from edge to edge may cross one more.
            if (j > 0) crossings += (Math.Abs((long)points[2 * j] - points[(2 * j) - 2]) / Upsampling) + 3;
        }
        var ends = ArrayPool<uint>.Shared.Rent(checked((int)crossings));
        var outline = new PolygonOutline(ends, height, width);
        for (var j = 0; j < corners; j++) outline.Walk(points[2 * j], points[(2 * j) + 1], points[(2 * j) + 2], points[(2 * j) + 3]);
        var used = ends.AsSpan(0, outline.Count + 1);
        used[^1] = (uint)(height * width);
        used.Sort();
        var mask = new RunLengthMask(height, width, RunsBetween(used));
        ArrayPool<int>.Shared.Return(points);
        ArrayPool<uint>.Shared.Return(ends);
        return mask;
    }

    /// <summary>Run lengths between sorted ends; an empty run joins those beside it.</summary>
    private static uint[] RunsBetween(Span<uint> ends)
    {
        uint previous = 0;
        foreach (ref var end in ends)
        {
            var here = end;
            end -= previous;
            previous = here;
        }
        var count = 1;
        for (var j = 1; j < ends.Length;)
        {
            if (ends[j] > 0) ends[count++] = ends[j++];
            else if (++j < ends.Length) ends[count - 1] += ends[j++];
        }
        return ends[..count].ToArray();
    }
}
