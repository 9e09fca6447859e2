using System.Globalization;
using SkiaSharp;

namespace Cresset.Plots;

/// <summary>A picture of pixels.</summary>
public sealed class Picture : Figure
{
    /// <summary>Takes pixels over.</summary>
    /// <param name="width">Width, at least 1.</param>
    /// <param name="height">Height, at least 1.</param>
    /// <param name="rgba">Red, green, blue, opacity of each pixel from the top left in rows, 0 to 255; width x height x 4 bytes.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit the size.</exception>
    public Picture(int width, int height, byte[] rgba)
    {
        ArgumentNullException.ThrowIfNull(rgba);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if ((long)width * height * 4 != rgba.Length)
            throw new ArgumentException($"{rgba.Length} bytes for {width} x {height} pixels; {(long)width * height * 4} are needed.",
                nameof(rgba));
        Width = width;
        Height = height;
        Pixels = rgba;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green, blue, opacity of each pixel from the top left in rows.</summary>
    public byte[] Pixels { get; }

    /// <summary>From an image <c>[C, H, W]</c> with C 1 (gray), 3 (red, green, blue) or 4 (with opacity).</summary>
    /// <param name="values">Values; those outside the range are cut, NaN is black.</param>
    /// <param name="channels">1, 3 or 4.</param>
    /// <param name="height">Height.</param>
    /// <param name="width">Width.</param>
    /// <param name="minimum">Value of black.</param>
    /// <param name="maximum">Value of full brightness.</param>
    public static Picture FromPlanes(ReadOnlySpan<float> values, int channels, int height, int width, float minimum = 0, float maximum = 1)
    {
        if (!(minimum < maximum))
            throw new ArgumentOutOfRangeException(nameof(maximum), maximum, $"The maximum must be greater than the minimum {minimum}.");
        CheckPlanes(values.Length, channels, height, width);
        var bytes = new byte[values.Length];
        var scale = 255 / (maximum - minimum);
        // float.Clamp leaves NaN, and the cast makes it 0.
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = float.IsNaN(values[i]) ? (byte)0 : (byte)MathF.Round(Math.Clamp((values[i] - minimum) * scale, 0, 255));
        return FromPlanes(bytes, channels, height, width);
    }

    /// <summary>From an image <c>[C, H, W]</c> of bytes with C 1 (gray), 3 (red, green, blue) or 4 (with opacity).</summary>
    public static Picture FromPlanes(ReadOnlySpan<byte> values, int channels, int height, int width)
    {
        CheckPlanes(values.Length, channels, height, width);
        var area = height * width;
        var pixels = new byte[area * 4];
        for (var i = 0; i < area; i++)
        {
            for (var c = 0; c < 3; c++) pixels[(4 * i) + c] = values[((channels == 1 ? 0 : c) * area) + i];
            pixels[(4 * i) + 3] = channels == 4 ? values[(3 * area) + i] : (byte)255;
        }
        return new(width, height, pixels);
    }

    /// <summary>Reads a PNG, JPEG, GIF (first frame), BMP or WebP file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or of another kind, or larger than 16,384 x 16,384 pixels.</exception>
    public static Picture Load(string path)
    {
        try
        {
            return Decode(File.ReadAllBytes(path));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"'{path}': {e.Message}", e);
        }
    }

    /// <summary>Reads the bytes of a PNG, JPEG, GIF (first frame), BMP or WebP file.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged or of another kind, or hold more than 16,384 x 16,384
    /// pixels.</exception>
    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException("The bytes are not a picture that can be read (PNG, JPEG, GIF, BMP, WebP).");
        var info = codec.Info;
        if (info.Width > 16_384 || info.Height > 16_384)
            throw new InvalidDataException(
                $"The picture claims {info.Width} x {info.Height} pixels; at most 16,384 on each side are read.");
        var pixels = new byte[info.Width * info.Height * 4];
        SKCodecResult result;
        unsafe
        {
            fixed (byte* pointer = pixels) result = codec.GetPixels(Format(info.Width, info.Height), (nint)pointer);
        }
        return result == SKCodecResult.Success ? new(info.Width, info.Height, pixels)
            : throw new InvalidDataException($"The picture's data is damaged ({result}).");
    }

    /// <summary>Each pixel as a square of <paramref name="factor"/> x <paramref name="factor"/> pixels.</summary>
    public Picture Enlarge(int factor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        if (factor == 1) return this;
        var source = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(Pixels);
        var pixels = new byte[Pixels.Length * factor * factor];
        var target = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(pixels.AsSpan());
        var width = Width * factor;
        for (var y = 0; y < Height * factor; y++)
        {
            for (var x = 0; x < width; x++) target[(y * width) + x] = source[(y / factor * Width) + (x / factor)];
        }
        return new(width, Height * factor, pixels);
    }

    /// <inheritdoc/>
    public override byte[] ToPng()
    {
        unsafe
        {
            fixed (byte* pointer = Pixels)
            {
                using var pixmap = new SKPixmap(Format(Width, Height), (nint)pointer);
                using var data = pixmap.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 6));
                return data!.ToArray();
            }
        }
    }

    /// <summary>An SVG document that holds the picture as PNG; enlarging it keeps the pixels square.</summary>
    public override string ToSvg() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" viewBox="0 0 {Width} {Height}">
        <image width="{Width}" height="{Height}" style="image-rendering:pixelated"
          href="data:image/png;base64,{Convert.ToBase64String(ToPng())}"/>
        </svg>

        """);

    internal static SKImageInfo Format(int width, int height) => new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);

    private static void CheckPlanes(int length, int channels, int height, int width)
    {
        if (channels is not (1 or 3 or 4))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "A picture has 1, 3 or 4 channels.");
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if ((long)channels * height * width != length)
            throw new ArgumentException($"There are {length} values for an image [{channels}, {height}, {width}].", nameof(length));
    }
}
