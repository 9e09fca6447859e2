using Cresset.Plots;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The small real pictures that come with Cresset, public domain or CC0 (see data/images/README.md).</summary>
public static class RealPictures
{
    private const string Prefix = "images/";

    /// <summary>Names, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. typeof(RealPictures).Assembly.GetManifestResourceNames()
        .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(n => n[Prefix.Length..^4])
        .Order(StringComparer.Ordinal)];

    /// <summary>A picture as luminance [1, 1, H, W] in [0, 1] (ITU-R BT.601 weights).</summary>
    /// <exception cref="ArgumentException">There is no such picture.</exception>
    public static Tensor Luminance(string name)
    {
        var picture = Read(name);
        var values = new float[picture.Width * picture.Height];
        for (var i = 0; i < values.Length; i++)
            values[i] = ((0.299f * picture.Pixels[4 * i]) + (0.587f * picture.Pixels[(4 * i) + 1]) + (0.114f * picture.Pixels[(4 * i) + 2]))
                / 255f;
        return tensor(values).reshape(1, 1, picture.Height, picture.Width);
    }

    /// <summary>A picture in colour [1, 3, H, W] in [0, 1]; grey ones have three equal channels.</summary>
    /// <exception cref="ArgumentException">There is no such picture.</exception>
    public static Tensor Colour(string name)
    {
        var picture = Read(name);
        var count = picture.Width * picture.Height;
        var values = new float[3 * count];
        for (var i = 0; i < count; i++)
        {
            for (var c = 0; c < 3; c++) values[(c * count) + i] = picture.Pixels[(4 * i) + c] / 255f;
        }
        return tensor(values).reshape(1, 3, picture.Height, picture.Width);
    }

    private static Picture Read(string name)
    {
        using var stream = typeof(RealPictures).Assembly.GetManifestResourceStream($"{Prefix}{name}.png")
            ?? throw new ArgumentException($"There is no picture '{name}'; known: {string.Join(", ", Names)}.", nameof(name));
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return Picture.Decode(bytes.ToArray());
    }
}
