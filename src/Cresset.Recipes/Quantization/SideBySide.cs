using Cresset.Data;
using Cresset.Plots;

namespace Cresset.Recipes;

/// <summary>One picture of pairs: each original with what came back from its codes at its right, a pair a row.</summary>
public sealed class SideBySide
{
    private const int LongestSide = 256;
    private const int Gap = 4;
    private readonly List<(PicturePlanes Left, PicturePlanes Right)> _pairs = [];

    /// <summary>Adds a pair of one size; those larger than 256 pixels are shown by every n-th pixel.</summary>
    public void Add(PicturePlanes original, PicturePlanes rebuilt)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(rebuilt);
        if (original.Height != rebuilt.Height || original.Width != rebuilt.Width || original.Channels != rebuilt.Channels)
            throw new ArgumentException(
                $"A pair is of one size; these have {original.Width}x{original.Height} and {rebuilt.Width}x{rebuilt.Height} pixels.",
                nameof(rebuilt));
        _pairs.Add((Small(original), Small(rebuilt)));
    }

    /// <summary>Pairs so far.</summary>
    public int Count => _pairs.Count;

    /// <summary>The pairs one below the other on white.</summary>
    public Picture Draw()
    {
        if (_pairs.Count == 0) throw new InvalidOperationException("There is no pair to draw.");
        var width = _pairs.Max(p => (2 * p.Left.Width) + Gap) + (2 * Gap);
        var height = _pairs.Sum(p => p.Left.Height + Gap) + Gap;
        var pixels = new byte[width * height * 4];
        Array.Fill(pixels, (byte)255);
        var top = Gap;
        foreach (var (left, right) in _pairs)
        {
            Put(pixels, width, left, top, Gap);
            Put(pixels, width, right, top, (2 * Gap) + left.Width);
            top += left.Height + Gap;
        }
        return new Picture(width, height, pixels);
    }

    private static void Put(byte[] pixels, int width, PicturePlanes picture, int top, int left)
    {
        for (var y = 0; y < picture.Height; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                var at = (((top + y) * width) + left + x) * 4;
                for (var c = 0; c < 3; c++)
                    pixels[at + c] = (byte)MathF.Round(Math.Clamp(picture.At(picture.Channels == 1 ? 0 : c, y, x) * 255, 0, 255));
            }
        }
    }

    private static PicturePlanes Small(PicturePlanes picture)
    {
        var step = (Math.Max(picture.Height, picture.Width) + LongestSide - 1) / LongestSide;
        var small = new PicturePlanes(picture.Channels, (picture.Height + step - 1) / step, (picture.Width + step - 1) / step);
        for (var c = 0; c < picture.Channels; c++)
        {
            for (var y = 0; y < small.Height; y++)
            {
                for (var x = 0; x < small.Width; x++) small.At(c, y, x) = picture.At(c, y * step, x * step);
            }
        }
        return small;
    }
}
