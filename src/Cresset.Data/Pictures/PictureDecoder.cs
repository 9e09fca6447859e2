using SkiaSharp;

namespace Cresset.Data;

/// <summary>
/// Decodes PNG, JPEG, WebP, BMP, GIF and TIFF to planes in 0..1: upright as EXIF says, alpha composed on a background, 8 bits divided by
/// 255 and 16 bits by 65535 (that is, by 257 to a byte), CMYK by its profile or the plain formula. Colours are the stored ones; other
/// profiles are not applied, as in PIL and OpenCV. Of an animation or a file of several pages the first picture is taken.
/// </summary>
internal static class PictureDecoder
{
    // Four bytes per pixel are reserved for what a header claims.
    private const long MaxPixels = 100_000_000;

    /// <summary>What the files are called; the content decides how one is read.</summary>
    public static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"];

    /// <summary>Reads a picture.</summary>
    /// <param name="path">The file.</param>
    /// <param name="channels">1 for grey (ITU-R BT.601 luma), 3 for RGB.</param>
    /// <param name="background">What transparent pixels stand on: red, green, blue in 0..1.</param>
    /// <exception cref="InvalidDataException">The file is not a picture, damaged or truncated; the message names it and the
    /// offset.</exception>
    public static DecodedPicture Decode(string path, int channels, PictureColour background)
        => Decode(path, ReadAll(path), channels, background);

    public static DecodedPicture Decode(string path, byte[] content, int channels, PictureColour background)
    {
        if (content.Length == 0) throw new InvalidDataException($"{path}: 0 bytes. The file is empty.");
        if (PngFile.Is(content)) return Png(path, content, channels, background);
        if (TiffPicture.Is(content)) return TiffPicture.Decode(path, content, channels, background);
        var isCmyk = false;
        if (JpegFile.Is(content)) isCmyk = JpegFile.Components(content) == 4;
        return Skia(path, content, channels, background, isCmyk, 0);
    }

    /// <summary>Refuses pictures that no training set has and that would take the memory of the machine.</summary>
    public static void CheckSize(string path, long width, long height)
    {
        if (width * height > MaxPixels)
        {
            throw new InvalidDataException($"{path}: {width}x{height} pixels; at most {MaxPixels / 1_000_000} million are read. Scale "
                + $"the picture down first.");
        }
    }

    internal static byte[] ReadAll(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (IOException e) when (e is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new InvalidDataException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static DecodedPicture Png(string path, byte[] content, int channels, PictureColour background)
    {
        var png = PngFile.Open(path, content);
        if (png.Depth < 16) return Skia(path, content, channels, background, isCmyk: false, png.Orientation);
        var samples = png.Decode();
        var planes = new PicturePlanes(channels, png.Height, png.Width);
        var writer = new PixelWriter(planes, background);
        var count = png.Samples;
        for (var i = 0; i < png.Width * png.Height; i++)
        {
            var at = i * count;
            float first = samples[at] / 65535f, alpha = count is 2 or 4 ? samples[at + count - 1] / 65535f : 1;
            if (count <= 2) writer.Write(i, first, first, first, alpha);
            else writer.Write(i, first, samples[at + 1] / 65535f, samples[at + 2] / 65535f, alpha);
        }
        return new DecodedPicture(PictureOrientation.Apply(planes, png.Orientation), IsWide: true, Pages: 1);
    }

    private static DecodedPicture Skia(string path, byte[] content, int channels, PictureColour background, bool isCmyk, int orientation)
    {
        using var stream = new SKMemoryStream(content);
        using var codec = SKCodec.Create(stream, out var opened)
            ?? throw new InvalidDataException(opened == SKCodecResult.Unimplemented
                ? $"{path}: the bytes at offset 0 ({Convert.ToHexStringLower(content.AsSpan(0, Math.Min(8, content.Length)))}) are "
                    + $"not those of a PNG, JPEG, WebP, BMP, GIF or TIFF picture."
                : Damage(path, content, opened));
        CheckSize(path, codec.Info.Width, codec.Info.Height);
        // Only CMYK needs a target space: its profile, where there is one, leads to sRGB.
        using var space = isCmyk ? SKColorSpace.CreateSrgb() : null;
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, space);
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(info)) throw new InvalidDataException($"{path}: no memory for {info.Width}x{info.Height} pixels.");
        var result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success) throw new InvalidDataException(Damage(path, content, result));
        var planes = new PicturePlanes(channels, info.Height, info.Width);
        var writer = new PixelWriter(planes, background);
        var bytes = bitmap.GetPixelSpan();
        for (int i = 0, at = 0; i < info.Width * info.Height; i++, at += 4)
            writer.Write(i, bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        if (orientation == 0) orientation = (int)codec.EncodedOrigin;
        return new DecodedPicture(PictureOrientation.Apply(planes, orientation), IsWide: false, Math.Max(1, codec.FrameCount));
    }

    private static string Damage(string path, byte[] content, SKCodecResult result)
    {
        var isWebp = content.Length >= 12 && content.AsSpan(0, 4).SequenceEqual("RIFF"u8);
        var promised = isWebp ? BitConverter.ToUInt32(content, 4) + 8L : 0;
        return result == SKCodecResult.IncompleteInput || promised > content.Length
            ? $"{path}: the picture's data end at offset {content.Length}, before the picture does. The file is truncated."
            : $"{path}: the picture's data, {content.Length} bytes, are damaged ({result}).";
    }
}

/// <summary>A picture as it came out of its file.</summary>
/// <param name="Planes">Its values.</param>
/// <param name="IsWide">True when its samples have 16 bits.</param>
/// <param name="Pages">Frames or pages of the file, of which the first was taken.</param>
internal sealed record DecodedPicture(PicturePlanes Planes, bool IsWide, int Pages);

/// <summary>Puts pixels into planes: composed on the background, grey where there is one channel.</summary>
internal readonly struct PixelWriter(PicturePlanes planes, PictureColour background)
{
    private static readonly float[] Unit = [.. Enumerable.Range(0, 256).Select(v => v / 255f)];

    public void Write(int index, byte red, byte green, byte blue, byte alpha)
    {
        if (alpha == 255) Opaque(index, Unit[red], Unit[green], Unit[blue]);
        else Write(index, Unit[red], Unit[green], Unit[blue], Unit[alpha]);
    }

    public void Write(int index, float red, float green, float blue, float alpha)
    {
        if (alpha < 1)
        {
            red = (red * alpha) + (background.Red * (1 - alpha));
            green = (green * alpha) + (background.Green * (1 - alpha));
            blue = (blue * alpha) + (background.Blue * (1 - alpha));
        }
        Opaque(index, red, green, blue);
    }

    private void Opaque(int index, float red, float green, float blue)
    {
        var values = planes.Values;
        if (planes.Channels == 1)
        {
            // A grey pixel stays the value it is: the three weights do not sum to 1 in float32.
            values[index] = red == green && green == blue ? red : (0.299f * red) + (0.587f * green) + (0.114f * blue);
            return;
        }
        var plane = planes.Height * planes.Width;
        values[index] = red;
        values[plane + index] = green;
        values[(2 * plane) + index] = blue;
    }
}
