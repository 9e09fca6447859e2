namespace Cresset.Data;

/// <summary>A picture as planes of values, [C, H, W] in row-major order; colours lie in 0..1, masks hold class indices.</summary>
public sealed class PicturePlanes
{
    /// <summary>A black picture.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is less than 1.</exception>
    public PicturePlanes(int channels, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (Channels, Height, Width) = (channels, height, width);
        Values = new float[checked(channels * height * width)];
    }

    /// <summary>Reads a PNG, JPEG, WebP, BMP, GIF or TIFF file, upright, in 0..1.</summary>
    /// <param name="path">The file.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
    /// <param name="background">What transparent pixels stand on: white, black, grey, or #rrggbb.</param>
    /// <exception cref="InvalidDataException">The file is not a picture, damaged or truncated; the message names it.</exception>
    public static PicturePlanes Load(string path, int channels = 3, string background = "white")
        => PictureDecoder.Decode(path, channels, PictureColour.Parse(background)).Planes;

    /// <summary>Reads the bytes of such a file.</summary>
    /// <param name="content">The whole file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
    /// <param name="background">What transparent pixels stand on.</param>
    /// <exception cref="InvalidDataException">They are not a picture, damaged or truncated.</exception>
    public static PicturePlanes Decode(byte[] content, string name, int channels = 3, string background = "white")
    {
        ArgumentNullException.ThrowIfNull(content);
        return PictureDecoder.Decode(name, content, channels, PictureColour.Parse(background)).Planes;
    }

    /// <summary>Planes of the same size.</summary>
    public int Channels { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>All values; replaced in place by augmentation.</summary>
    public float[] Values { get; }

    /// <summary>The values of one channel.</summary>
    public Span<float> Plane(int channel) => Values.AsSpan(channel * Height * Width, Height * Width);

    /// <summary>A value.</summary>
    public ref float At(int channel, int y, int x) => ref Values[(((channel * Height) + y) * Width) + x];
}
