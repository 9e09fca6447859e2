using SkiaSharp;

namespace Cresset.Data;

/// <summary>Planes to the bytes of a picture file.</summary>
public static class PictureEncoder
{
    // High enough that the second compression of a picture that came from a JPEG is not seen.
    private const int Quality = 95;

    /// <summary>Whether files of this ending are written: PNG, JPEG and WebP. Others are read only.</summary>
    public static bool Writes(string extension) => FormatOf(extension) is not null;

    /// <summary>The file of planes [C, H, W] with C 1 or 3 in 0..1; values outside are cut.</summary>
    /// <param name="planes">The picture.</param>
    /// <param name="extension">".png" (8 bits, without loss), ".jpg" or ".webp" (quality 95).</param>
    /// <exception cref="ArgumentException">The ending is another.</exception>
    public static byte[] Encode(PicturePlanes planes, string extension)
    {
        ArgumentNullException.ThrowIfNull(planes);
        var format = FormatOf(extension)
            ?? throw new ArgumentException($"Pictures are written as .png, .jpg or .webp; the ending is '{extension}'.", nameof(extension));
        var grey = planes.Channels == 1;
        if (!grey && planes.Channels != 3)
            throw new ArgumentException($"The picture has {planes.Channels} channels; 1 or 3 can be written.", nameof(planes));
        using var bitmap = new SKBitmap(
            new SKImageInfo(planes.Width, planes.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque));
        var bytes = bitmap.GetPixelSpan();
        var (area, step) = (planes.Width * planes.Height, bitmap.RowBytes);
        for (var y = 0; y < planes.Height; y++)
        {
            for (var x = 0; x < planes.Width; x++)
            {
                var at = (y * planes.Width) + x;
                if (grey)
                {
                    bytes[(y * step) + x] = Byte(planes.Values[at]);
                    continue;
                }
                for (var c = 0; c < 3; c++) bytes[(y * step) + (4 * x) + c] = Byte(planes.Values[(c * area) + at]);
                bytes[(y * step) + (4 * x) + 3] = 255;
            }
        }
        using var data = bitmap.Encode(format, Quality)
            ?? throw new InvalidDataException($"A picture of {planes.Width}x{planes.Height} pixels cannot be written as {extension}.");
        return data.ToArray();
    }

    private static byte Byte(float value) => float.IsNaN(value) ? (byte)0 : (byte)MathF.Round(Math.Clamp(value * 255, 0, 255));

    private static SKEncodedImageFormat? FormatOf(string extension) => extension.ToLowerInvariant() switch
    {
        ".png" => SKEncodedImageFormat.Png,
        ".jpg" or ".jpeg" or ".jpe" or ".jfif" => SKEncodedImageFormat.Jpeg,
        ".webp" => SKEncodedImageFormat.Webp,
        _ => null,
    };
}
