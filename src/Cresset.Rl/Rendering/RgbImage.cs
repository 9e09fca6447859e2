namespace Cresset.Rl;

/// <summary>A picture of 8-bit red, green and blue values, row by row from the top left: 3 bytes per pixel.</summary>
public sealed class RgbImage
{
    /// <summary>A picture filled with <paramref name="background"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A side is not positive.</exception>
    public RgbImage(int width, int height, Rgb background = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        Width = width;
        Height = height;
        Pixels = new byte[width * height * 3];
        for (var i = 0; i < Pixels.Length; i += 3)
            (Pixels[i], Pixels[i + 1], Pixels[i + 2]) = (background.Red, background.Green, background.Blue);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The bytes, [Height, Width, 3].</summary>
    public byte[] Pixels { get; }

    /// <summary>The colour of a pixel.</summary>
    public Rgb this[int x, int y]
    {
        get
        {
            var i = ((y * Width) + x) * 3;
            return new Rgb(Pixels[i], Pixels[i + 1], Pixels[i + 2]);
        }
        set
        {
            var i = ((y * Width) + x) * 3;
            (Pixels[i], Pixels[i + 1], Pixels[i + 2]) = (value.Red, value.Green, value.Blue);
        }
    }

    /// <summary>Mixes <paramref name="color"/> into a pixel with the given share; outside the picture nothing happens.</summary>
    internal void Blend(int x, int y, Rgb color, double share)
    {
        if ((uint)x >= (uint)Width || (uint)y >= (uint)Height) return;
        var i = ((y * Width) + x) * 3;
        Pixels[i] = (byte)Math.Round(Pixels[i] + ((color.Red - Pixels[i]) * share));
        Pixels[i + 1] = (byte)Math.Round(Pixels[i + 1] + ((color.Green - Pixels[i + 1]) * share));
        Pixels[i + 2] = (byte)Math.Round(Pixels[i + 2] + ((color.Blue - Pixels[i + 2]) * share));
    }
}

/// <summary>A colour.</summary>
/// <param name="Red">Red, 0 to 255.</param>
/// <param name="Green">Green, 0 to 255.</param>
/// <param name="Blue">Blue, 0 to 255.</param>
public readonly record struct Rgb(byte Red, byte Green, byte Blue);

/// <summary>An environment that can show its state.</summary>
public interface IRenderable
{
    /// <summary>Frames per second at which a film of the environment looks natural.</summary>
    int FramesPerSecond { get; }

    /// <summary>The state as a picture.</summary>
    RgbImage Render();

    /// <summary>The state as lines of text for a terminal; empty where there are none.</summary>
    string RenderText() => "";
}
