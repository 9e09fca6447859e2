using SkiaSharp;

namespace Cresset.Plots;

/// <summary>A box over a picture.</summary>
/// <param name="Left">Left edge, in pixels of the picture.</param>
/// <param name="Top">Top edge.</param>
/// <param name="Right">Right edge.</param>
/// <param name="Bottom">Bottom edge.</param>
/// <param name="Label">Words at its upper edge; may be empty.</param>
/// <param name="Colour">Which of the colours of all figures; they repeat.</param>
public sealed record LabelledBox(double Left, double Top, double Right, double Bottom, string Label, int Colour)
{
    /// <summary>Whether a pixel (column, row) belongs to what was found, which is tinted; null tints nothing.</summary>
    public Func<int, int, bool>? Covers { get; init; }
}

/// <summary>Draws boxes with labels, and what they cover, over pictures.</summary>
public static class LabelledBoxes
{
    private const int LeastEdge = 320;
    private const float TextSize = 13, Line = 2;
    private const double Tint = 0.4;

    /// <summary>A copy of the picture with the boxes over it; small pictures are enlarged, so that labels have room.</summary>
    public static Picture Over(Picture picture, IReadOnlyList<LabelledBox> boxes)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(boxes);
        var scale = Math.Clamp(LeastEdge / Math.Max(picture.Width, picture.Height), 1, 8);
        var large = Tinted(picture, boxes).Enlarge(scale);
        using var surface = SKSurface.Create(new SKImageInfo(large.Width, large.Height, SKColorType.Rgba8888, SKAlphaType.Premul))
            ?? throw new ArgumentException($"A picture of {large.Width} x {large.Height} pixels cannot be drawn on.", nameof(picture));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        using (var image = SKImage.FromPixelCopy(Picture.Format(large.Width, large.Height), large.Pixels)) canvas.DrawImage(image, 0, 0);
        using var font = new SKFont(PlotFont.Bold, TextSize);
        foreach (var box in boxes) Draw(canvas, box, scale, font, large);
        return ImageGrid.Pixels(surface, large.Width, large.Height);
    }

    private static void Draw(SKCanvas canvas, LabelledBox box, int scale, SKFont font, Picture large)
    {
        var colour = ColourOf(box);
        using var stroke = new SKPaint { Color = colour, Style = SKPaintStyle.Stroke, StrokeWidth = Line, IsAntialias = true };
        float left = (float)box.Left * scale, top = (float)box.Top * scale, right = (float)box.Right * scale,
            bottom = (float)box.Bottom * scale;
        canvas.DrawRect(new SKRect(left, top, right, bottom), stroke);
        if (box.Label.Length == 0) return;
        float width = font.MeasureText(box.Label) + 6, height = TextSize + 4;
        // Above the box where there is room, else inside it; never beside the picture.
        var x = Math.Clamp(left - (Line / 2), 0, Math.Max(0, large.Width - width));
        var y = top >= height ? top - height : Math.Clamp(top, 0, Math.Max(0, large.Height - height));
        using var fill = new SKPaint { Color = colour, Style = SKPaintStyle.Fill };
        canvas.DrawRect(new SKRect(x, y, x + width, y + height), fill);
        var light = (0.299 * colour.Red) + (0.587 * colour.Green) + (0.114 * colour.Blue) > 140;
        using var ink = new SKPaint { Color = light ? PlotColors.Ink : SKColors.White, IsAntialias = true };
        canvas.DrawText(box.Label, x + 3, y + TextSize, SKTextAlign.Left, font, ink);
    }

    private static Picture Tinted(Picture picture, IReadOnlyList<LabelledBox> boxes)
    {
        var pixels = (byte[])picture.Pixels.Clone();
        foreach (var box in boxes)
        {
            if (box.Covers is not { } covers) continue;
            var colour = ColourOf(box);
            for (var at = 0; at < picture.Width * picture.Height; at++)
            {
                if (!covers(at % picture.Width, at / picture.Width)) continue;
                var p = 4 * at;
                (pixels[p], pixels[p + 1], pixels[p + 2]) = (Mix(pixels[p], colour.Red), Mix(pixels[p + 1], colour.Green),
                    Mix(pixels[p + 2], colour.Blue));
            }
        }
        return new Picture(picture.Width, picture.Height, pixels);
    }

    private static byte Mix(byte below, byte above) => (byte)Math.Round((below * (1 - Tint)) + (above * Tint));

    private static SKColor ColourOf(LabelledBox box)
    {
        var c = PlotColors.Series[(int)((uint)box.Colour % PlotColors.Series.Length)];
        return new SKColor(c.R, c.G, c.B);
    }
}
