using Cresset.Numerics;
using SkiaSharp;

namespace Cresset.Plots;

/// <summary>Many images of one size, or of several, on one sheet.</summary>
public static class ImageGrid
{
    private const float TitleSize = 18, CaptionSize = 13;

    /// <summary>Lays out images of floats.</summary>
    /// <param name="images">Values <c>[N, C, H, W]</c>.</param>
    /// <param name="count">N, at least 1.</param>
    /// <param name="channels">C: 1, 3 or 4.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="options">Layout.</param>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static Picture Render(ReadOnlySpan<float> images, int count, int channels, int height, int width,
        ImageGridOptions? options = null)
    {
        options = (options ?? new ImageGridOptions()).ThrowIfInvalid();
        var one = Check(images.Length, count, channels, height, width);
        var pictures = new Picture[count];
        for (var i = 0; i < count; i++)
        {
            pictures[i] = Picture.FromPlanes(images.Slice(i * one, one), channels, height, width, (float)options.Minimum,
                (float)options.Maximum);
        }
        return Render(pictures, options);
    }

    /// <summary>Lays out images of bytes <c>[N, C, H, W]</c>.</summary>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static Picture Render(ReadOnlySpan<byte> images, int count, int channels, int height, int width,
        ImageGridOptions? options = null)
    {
        var one = Check(images.Length, count, channels, height, width);
        var pictures = new Picture[count];
        for (var i = 0; i < count; i++) pictures[i] = Picture.FromPlanes(images.Slice(i * one, one), channels, height, width);
        return Render(pictures, options);
    }

    /// <summary>Lays out pictures, also of different sizes: each stands in the middle of its cell.</summary>
    /// <exception cref="ArgumentException">There is no picture, or the number of captions or row labels does not fit.</exception>
    public static Picture Render(IReadOnlyList<Picture> pictures, ImageGridOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        options = (options ?? new ImageGridOptions()).ThrowIfInvalid();
        if (pictures.Count == 0) throw new ArgumentException("There is no picture to show.", nameof(pictures));
        if (options.Captions is { } captions && captions.Count != pictures.Count)
            throw new ArgumentException($"There are {captions.Count} captions for {pictures.Count} pictures.", nameof(options));
        var columns = Math.Min(pictures.Count, options.Columns > 0 ? options.Columns : (int)Math.Ceiling(Math.Sqrt(pictures.Count)));
        var rows = (pictures.Count + columns - 1) / columns;
        if (options.RowLabels is { } labels && labels.Count != rows)
            throw new ArgumentException($"There are {labels.Count} row labels for {rows} rows.", nameof(options));
        var scale = options.Scale > 0 ? options.Scale : Math.Max(1, (int)Math.Ceiling(64.0 / pictures.Max(picture => picture.Width)));
        return Draw([.. pictures.Select(picture => picture.Enlarge(scale))], options, columns, rows);
    }

    private static Picture Draw(Picture[] pictures, ImageGridOptions options, int columns, int rows)
    {
        using var text = new SKFont(PlotFont.Regular, CaptionSize);
        using var bold = new SKFont(PlotFont.Bold, TitleSize);
        using var ink = new SKPaint { Color = PlotColors.Ink, IsAntialias = true };
        var captionLines = options.Captions?.Max(caption => caption.Split('\n').Length) ?? 0;
        var captionHeight = (int)Math.Ceiling(captionLines * CaptionSize * 1.3);
        var captionWidth = options.Captions is null ? 0
            : (int)Math.Ceiling(options.Captions.SelectMany(caption => caption.Split('\n')).Max(line => text.MeasureText(line)));
        // Words make room for themselves rather than being cut.
        var cellWidth = Math.Max(pictures.Max(picture => picture.Width), captionWidth);
        var cellHeight = pictures.Max(picture => picture.Height) + captionHeight;
        var left = options.RowLabels is null ? 0 : (int)Math.Ceiling(options.RowLabels.Max(label => text.MeasureText(label))) + 8;
        var top = options.Title.Length == 0 ? 0 : (int)Math.Ceiling(TitleSize * 1.7);
        var pad = options.Padding;
        var width = Math.Max(left + pad + (columns * (cellWidth + pad)),
            options.Title.Length == 0 ? 0 : (int)Math.Ceiling(bold.MeasureText(options.Title)) + 16);
        var height = top + pad + (rows * (cellHeight + pad));
        using var surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul))
            ?? throw new ArgumentException($"A sheet of {width} x {height} pixels cannot be made; use fewer images or a smaller scale.",
                nameof(pictures));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        if (top > 0) canvas.DrawText(options.Title, width / 2f, TitleSize * 1.25f, SKTextAlign.Center, bold, ink);
        for (var i = 0; i < pictures.Length; i++)
        {
            var (x, y) = (left + pad + (i % columns * (cellWidth + pad)), top + pad + (i / columns * (cellHeight + pad)));
            using var image = SKImage.FromPixelCopy(Picture.Format(pictures[i].Width, pictures[i].Height), pictures[i].Pixels);
            canvas.DrawImage(image, x + ((cellWidth - pictures[i].Width) / 2), y + ((cellHeight - captionHeight - pictures[i].Height) / 2));
            if (options.RowLabels is { } labels && i % columns == 0)
                canvas.DrawText(labels[i / columns], left - 2, y + ((cellHeight - captionHeight) / 2f) + 5, SKTextAlign.Right, text, ink);
            if (options.Captions is null) continue;
            var line = y + cellHeight - captionHeight + CaptionSize;
            foreach (var words in options.Captions[i].Split('\n'))
            {
                canvas.DrawText(words, x + (cellWidth / 2f), line, SKTextAlign.Center, text, ink);
                line += CaptionSize * 1.3f;
            }
        }
        return Pixels(surface, width, height);
    }

    internal static Picture Pixels(SKSurface surface, int width, int height)
    {
        var pixels = new byte[width * height * 4];
        unsafe
        {
            fixed (byte* pointer = pixels) surface.ReadPixels(Picture.Format(width, height), (nint)pointer, width * 4, 0, 0);
        }
        return new(width, height, pixels);
    }

    private static int Check(int length, int count, int channels, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if ((long)count * channels * height * width != length)
            throw new ArgumentException($"There are {length} values for images [{count}, {channels}, {height}, {width}].", nameof(length));
        return channels * height * width;
    }
}
