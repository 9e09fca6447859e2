namespace Cresset.Detection;

/// <summary>A box turned about its centre.</summary>
/// <param name="CenterX">Centre, x.</param>
/// <param name="CenterY">Centre, y.</param>
/// <param name="Width">Side along the direction of the angle.</param>
/// <param name="Height">Other side.</param>
/// <param name="Angle">Angle in radians; the corner offset (u, v) goes to (u cos - v sin, u sin + v cos).</param>
public readonly record struct OrientedBox(double CenterX, double CenterY, double Width, double Height, double Angle)
{
    /// <summary><c>Width * Height</c>.</summary>
    public double Area => Width * Height;

    /// <summary>The corners in turn, <c>x, y</c> each, written to eight places.</summary>
    public void Corners(Span<double> corners)
    {
        var (sin, cos) = Math.SinCos(Angle);
        double u = Width / 2, v = Height / 2;
        ReadOnlySpan<double> offsets = [-u, -v, u, -v, u, v, -u, v];
        for (var i = 0; i < 8; i += 2)
        {
            corners[i] = CenterX + (offsets[i] * cos) - (offsets[i + 1] * sin);
            corners[i + 1] = CenterY + (offsets[i] * sin) + (offsets[i + 1] * cos);
        }
    }

    /// <summary>Area of the intersection, by clipping one rectangle at the sides of the other (Sutherland and Hodgman 1974).</summary>
    public double Intersection(in OrientedBox other)
    {
        if (!(Area > 0) || !(other.Area > 0)) return 0;
        Span<double> polygon = stackalloc double[32];
        Span<double> clipped = stackalloc double[32];
        Span<double> window = stackalloc double[8];
        // About the first centre, so that large coordinates lose no digits.
        (this with { CenterX = 0, CenterY = 0 }).Corners(polygon);
        (other with { CenterX = other.CenterX - CenterX, CenterY = other.CenterY - CenterY }).Corners(window);
        var count = 4;
        for (var e = 0; e < 4 && count > 0; e++)
        {
            var next = (e + 1) % 4;
            count = ClipAt(polygon, count, window[2 * e], window[(2 * e) + 1], window[2 * next], window[(2 * next) + 1], clipped);
            clipped[..(2 * count)].CopyTo(polygon);
        }
        return count < 3 ? 0 : Math.Min(PolygonArea(polygon[..(2 * count)]), Math.Min(Area, other.Area));
    }

    /// <summary>Intersection over union; 0 for boxes without area.</summary>
    public double Iou(in OrientedBox other)
    {
        var intersection = Intersection(other);
        return intersection <= 0 ? 0 : intersection / (Area + other.Area - intersection);
    }

    private static int ClipAt(ReadOnlySpan<double> polygon, int count, double ax, double ay, double bx, double by, Span<double> result)
    {
        var n = 0;
        double px = polygon[2 * (count - 1)], py = polygon[(2 * count) - 1];
        var previous = Side(ax, ay, bx, by, px, py);
        for (var i = 0; i < count; i++)
        {
            double x = polygon[2 * i], y = polygon[(2 * i) + 1];
            var side = Side(ax, ay, bx, by, x, y);
            if ((previous < 0 && side > 0) || (previous > 0 && side < 0))
            {
                var t = previous / (previous - side);
                result[2 * n] = px + (t * (x - px));
                result[(2 * n++) + 1] = py + (t * (y - py));
            }
            if (side >= 0)
            {
                result[2 * n] = x;
                result[(2 * n++) + 1] = y;
            }
            (px, py, previous) = (x, y, side);
        }
        return n;
    }

    private static double Side(double ax, double ay, double bx, double by, double x, double y)
        => ((bx - ax) * (y - ay)) - ((by - ay) * (x - ax));

    private static double PolygonArea(ReadOnlySpan<double> p)
    {
        double sum = 0;
        for (var i = 0; i < p.Length; i += 2)
        {
            var j = (i + 2) % p.Length;
            sum += (p[i] * p[j + 1]) - (p[j] * p[i + 1]);
        }
        return Math.Abs(sum) / 2;
    }
}
