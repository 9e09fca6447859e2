namespace Cresset.Rl;

/// <summary>Draws smooth shapes on an <see cref="RgbImage"/>; coordinates in pixels, y down.</summary>
public sealed class Canvas(RgbImage image)
{
    private const int Subsamples = 4;

    /// <summary>The picture that is drawn on.</summary>
    public RgbImage Image { get; } = image;

    /// <summary>Fills a rectangle.</summary>
    public void FillRectangle(double x, double y, double width, double height, Rgb color)
        => FillPolygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color);

    /// <summary>Draws the border of a rectangle, inside it.</summary>
    public void FrameRectangle(double x, double y, double width, double height, Rgb color, double line = 1)
    {
        FillRectangle(x, y, width, line, color);
        FillRectangle(x, y + height - line, width, line, color);
        FillRectangle(x, y, line, height, color);
        FillRectangle(x + width - line, y, line, height, color);
    }

    /// <summary>Fills a polygon by the even-odd rule.</summary>
    public void FillPolygon(ReadOnlySpan<(double X, double Y)> points, Rgb color)
    {
        double minX = double.MaxValue, maxX = double.MinValue, minY = double.MaxValue, maxY = double.MinValue;
        foreach (var (x, y) in points)
        {
            (minX, maxX) = (Math.Min(minX, x), Math.Max(maxX, x));
            (minY, maxY) = (Math.Min(minY, y), Math.Max(maxY, y));
        }
        var left = Math.Max(0, (int)Math.Floor(minX));
        var right = Math.Min(Image.Width - 1, (int)Math.Ceiling(maxX));
        if (right < left) return;
        Span<double> crossings = stackalloc double[points.Length];
        var coverage = new double[right - left + 1];
        for (var row = Math.Max(0, (int)Math.Floor(minY)); row <= Math.Min(Image.Height - 1, (int)Math.Ceiling(maxY)); row++)
        {
            Array.Clear(coverage);
            for (var sub = 0; sub < Subsamples; sub++)
            {
                var y = row + ((sub + 0.5) / Subsamples);
                var count = 0;
                for (var i = 0; i < points.Length; i++)
                {
                    var a = points[i];
                    var b = points[(i + 1) % points.Length];
                    if (a.Y <= y != b.Y <= y) crossings[count++] = a.X + ((y - a.Y) / (b.Y - a.Y) * (b.X - a.X));
                }
                crossings[..count].Sort();
                for (var i = 0; i + 1 < count; i += 2) Cover(coverage, left, crossings[i], crossings[i + 1]);
            }
            for (var i = 0; i < coverage.Length; i++)
            {
                if (coverage[i] > 0) Image.Blend(left + i, row, color, Math.Min(1, coverage[i] / Subsamples));
            }
        }
    }

    /// <summary>Fills a circle.</summary>
    public void FillCircle(double x, double y, double radius, Rgb color)
    {
        const int Sides = 32;
        Span<(double X, double Y)> points = stackalloc (double, double)[Sides];
        for (var i = 0; i < Sides; i++)
        {
            var (sin, cos) = Math.SinCos(2 * Math.PI * i / Sides);
            points[i] = (x + (radius * cos), y + (radius * sin));
        }
        FillPolygon(points, color);
    }

    /// <summary>Draws a line of a width.</summary>
    public void Line(double x1, double y1, double x2, double y2, Rgb color, double width = 1)
    {
        var length = Math.Sqrt(((x2 - x1) * (x2 - x1)) + ((y2 - y1) * (y2 - y1)));
        if (length == 0) return;
        var (nx, ny) = ((y1 - y2) / length * width / 2, (x2 - x1) / length * width / 2);
        FillPolygon([(x1 + nx, y1 + ny), (x2 + nx, y2 + ny), (x2 - nx, y2 - ny), (x1 - nx, y1 - ny)], color);
    }

    /// <summary>
    /// Writes text in capitals of 3 by 5 dots, its upper left corner at (x, y); a dot has <paramref name="pixel"/> pixels per side.
    /// </summary>
    public void Text(double x, double y, string text, Rgb color, int pixel = 2)
    {
        foreach (var character in text)
        {
            var glyph = PixelFont.Glyph(character);
            for (var i = 0; i < 15; i++)
            {
                if ((glyph >> (14 - i) & 1) != 0) FillRectangle(x + (i % 3 * pixel), y + (i / 3 * pixel), pixel, pixel, color);
            }
            x += 4 * pixel;
        }
    }

    /// <summary>Writes text around a point.</summary>
    public void CenteredText(double x, double y, string text, Rgb color, int pixel = 2)
        => Text(x - (((text.Length * 4) - 1) * pixel / 2.0), y - (5 * pixel / 2.0), text, color, pixel);

    private static void Cover(double[] coverage, int left, double from, double to)
    {
        var first = Math.Max(0, (int)Math.Floor(from) - left);
        var last = Math.Min(coverage.Length - 1, (int)Math.Floor(to) - left);
        for (var i = first; i <= last; i++) coverage[i] += Math.Max(0, Math.Min(to, left + i + 1) - Math.Max(from, left + i));
    }
}
