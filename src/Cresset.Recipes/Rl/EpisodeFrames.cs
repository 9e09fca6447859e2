using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Pictures of environments as pictures of plots.</summary>
public static class EpisodeFrames
{
    /// <summary>The same picture, opaque.</summary>
    public static Picture ToPicture(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var rgba = new byte[image.Width * image.Height * 4];
        for (var (from, to) = (0, 0); to < rgba.Length; from += 3, to += 4)
        {
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);
        }
        return new Picture(image.Width, image.Height, rgba);
    }
}
