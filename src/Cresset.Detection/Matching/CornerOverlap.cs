namespace Cresset.Detection;

/// <summary>
/// Overlap of shapes of four corners, <c>x, y</c> each in turn, of either sense of rotation and also where they are not convex: the signed
/// triangles that a point and each side make are intersected in pairs, as the DOTA development kit does it.
/// </summary>
internal static class CornerOverlap
{
    private const int Numbers = 8;

    /// <summary>The corners of an oriented box: a polygon of four, or without a shape those of the box.</summary>
    /// <exception cref="ArgumentException">The shape is another one.</exception>
    public static double[] CornersOf(Segmentation? shape, in Box box, Func<string> what) => shape switch
    {
        null => [box.X, box.Y, box.Right, box.Y, box.Right, box.Bottom, box.X, box.Bottom],
        PolygonSegmentation { Polygons: [{ Length: Numbers } corners] } => corners,
        PolygonSegmentation { Polygons: [var polygon] }
            => throw new ArgumentException($"{what()} has a polygon of {polygon.Length / 2} points; an oriented box has four corners."),
        PolygonSegmentation { Polygons: var several }
            => throw new ArgumentException($"{what()} has {several.Count} polygons; an oriented box is one of four corners."),
        _ => throw new ArgumentException($"{what()} has a mask; an oriented box is a polygon of four corners."),
    };

    /// <summary>Area, without its sign.</summary>
    public static double Area(ReadOnlySpan<double> corners) => Math.Abs(SignedArea(corners));

    /// <summary>Intersection over union, or over the first area; 0 where that is empty.</summary>
    public static double Iou(ReadOnlySpan<double> a, ReadOnlySpan<double> b, bool overFirst = false)
    {
        if (!BoundsMeet(a, b)) return 0;
        double areaA = Area(a), areaB = Area(b);
        var shared = Math.Min(Intersection(a, b), Math.Min(areaA, areaB));
        var whole = overFirst ? areaA : areaA + areaB - shared;
        return shared > 0 && whole > 0 ? shared / whole : 0;
    }

    private static bool BoundsMeet(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        for (var axis = 0; axis < 2; axis++)
        {
            double lowA = a[axis], highA = lowA, lowB = b[axis], highB = lowB;
            for (var i = axis + 2; i < Numbers; i += 2)
            {
                (lowA, highA) = (Math.Min(lowA, a[i]), Math.Max(highA, a[i]));
                (lowB, highB) = (Math.Min(lowB, b[i]), Math.Max(highB, b[i]));
            }
            if (!(lowA < highB && lowB < highA)) return false;
        }
        return true;
    }

    private static double Intersection(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        // About a corner of the first, so that large coordinates lose no digits.
        double x0 = a[0], y0 = a[1];
        double senseA = Math.Sign(SignedArea(a)), senseB = Math.Sign(SignedArea(b)), sum = 0;
        for (var i = 0; i < Numbers; i += 2)
        {
            var nextA = (i + 2) % Numbers;
            for (var j = 0; j < Numbers; j += 2)
            {
                var nextB = (j + 2) % Numbers;
                sum += SharedByTriangles(a[i] - x0, a[i + 1] - y0, a[nextA] - x0, a[nextA + 1] - y0,
                    b[j] - x0, b[j + 1] - y0, b[nextB] - x0, b[nextB + 1] - y0);
            }
        }
        return senseA * senseB * sum;
    }

    /// <summary>Area shared by the triangles that two sides make with the origin, with the product of their signs.</summary>
    private static double SharedByTriangles(double ax, double ay, double bx, double by, double cx, double cy, double dx, double dy)
    {
        double first = (ax * by) - (ay * bx), second = (cx * dy) - (cy * dx);
        if (first == 0 || second == 0) return 0;
        if (first < 0) (ax, ay, bx, by) = (bx, by, ax, ay);
        if (second < 0) (cx, cy, dx, dy) = (dx, dy, cx, cy);
        Span<double> polygon = stackalloc double[16];
        Span<double> clipped = stackalloc double[16];
        ReadOnlySpan<double> triangle = [0, 0, ax, ay, bx, by], window = [0, 0, cx, cy, dx, dy];
        triangle.CopyTo(polygon);
        var count = 3;
        for (var e = 0; e < 6 && count > 0; e += 2)
        {
            var next = (e + 2) % 6;
            count = Clip(polygon, count, window[e], window[e + 1], window[next], window[next + 1], clipped);
            clipped[..(2 * count)].CopyTo(polygon);
        }
        if (count < 3) return 0;
        var area = Math.Abs(SignedArea(polygon[..(2 * count)]));
        return (first < 0) == (second < 0) ? area : -area;
    }

    /// <summary>Keeps what lies to the left of a line (Sutherland and Hodgman 1974).</summary>
    private static int Clip(ReadOnlySpan<double> polygon, int count, double ax, double ay, double bx, double by, Span<double> kept)
    {
        var n = 0;
        double px = polygon[2 * (count - 1)], py = polygon[(2 * count) - 1];
        var before = ((bx - ax) * (py - ay)) - ((by - ay) * (px - ax));
        for (var i = 0; i < count; i++)
        {
            double x = polygon[2 * i], y = polygon[(2 * i) + 1];
            var side = ((bx - ax) * (y - ay)) - ((by - ay) * (x - ax));
            if ((before < 0 && side > 0) || (before > 0 && side < 0))
            {
                var t = before / (before - side);
                kept[2 * n] = px + (t * (x - px));
                kept[(2 * n++) + 1] = py + (t * (y - py));
            }
            if (side >= 0)
            {
                kept[2 * n] = x;
                kept[(2 * n++) + 1] = y;
            }
            (px, py, before) = (x, y, side);
        }
        return n;
    }

    private static double SignedArea(ReadOnlySpan<double> points)
    {
        double sum = 0;
        for (var i = 0; i < points.Length; i += 2)
        {
            var j = (i + 2) % points.Length;
            // Differences to the first corner: a small shape far from the origin keeps its digits.
            sum += ((points[i] - points[0]) * (points[j + 1] - points[1])) - ((points[j] - points[0]) * (points[i + 1] - points[1]));
        }
        return sum / 2;
    }
}
