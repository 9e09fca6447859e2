using System.Globalization;
using Cresset.Detection;
using Cresset.Plots;

namespace Cresset.Recipes;

/// <summary>Hits, false detections and missed objects over a scene.</summary>
internal static class DetectorDrawing
{
    private const int Enlarged = 3;
    private static readonly byte[] Hit = [60, 200, 90], False = [255, 140, 0], Missed = [60, 130, 255];

    /// <summary>The scene enlarged, with the outlines of boxes and the found ink tinted.</summary>
    public static Picture Over(Picture scene, ImageMatches matches)
    {
        var large = scene.Enlarge(Enlarged);
        var pixels = (byte[])large.Pixels.Clone();
        foreach (var pair in matches.Pairs)
        {
            var colour = pair.Detection is null ? Missed : pair.IsHit ? Hit : False;
            if (pair.Detection is { Shape.Segmentation: RunLengthSegmentation { Mask: var mask } }) Tint(pixels, large.Width, mask, colour);
            Outline(pixels, large.Width, large.Height, pair.Detection?.Box ?? pair.Object!.Value.Box, colour);
        }
        return new Picture(large.Width, large.Height, pixels);
    }

    /// <summary>The digits that were found, those found wrongly and those missed.</summary>
    public static string Words(ImageMatches matches)
    {
        var words = new List<string>();
        Add("", matches.Pairs.Where(p => p.IsHit).Select(p => p.Detection!.Value.CategoryId));
        Add("not ", matches.Pairs.Where(p => !p.IsHit && p.Detection is not null).Select(p => p.Detection!.Value.CategoryId));
        Add("missed ", matches.Pairs.Where(p => p.Detection is null).Select(p => p.Object!.Value.CategoryId));
        return string.Join("; ", words);

        void Add(string what, IEnumerable<long> categories)
        {
            var digits = string.Join(" ", categories.Select(c => (c - 1).ToString(CultureInfo.InvariantCulture)));
            if (digits.Length > 0) words.Add(what + digits);
        }
    }

    private static void Tint(byte[] pixels, int width, RunLengthMask mask, byte[] colour)
    {
        var set = mask.Decode();
        for (var i = 0; i < set.Length; i++)
        {
            if (set[i] == 0) continue;
            int x = i / mask.Height * Enlarged, y = i % mask.Height * Enlarged;
            for (var dy = 0; dy < Enlarged; dy++)
            {
                for (var dx = 0; dx < Enlarged; dx++) Mix(pixels, (((y + dy) * width) + x + dx) * 4, colour, 0.45);
            }
        }
    }

    private static void Outline(byte[] pixels, int width, int height, Box box, byte[] colour)
    {
        int x0 = Place(box.X, width), y0 = Place(box.Y, height), x1 = Place(box.Right, width), y1 = Place(box.Bottom, height);
        for (var x = x0; x <= x1; x++)
        {
            Mix(pixels, ((y0 * width) + x) * 4, colour, 1);
            Mix(pixels, ((y1 * width) + x) * 4, colour, 1);
        }
        for (var y = y0; y <= y1; y++)
        {
            Mix(pixels, ((y * width) + x0) * 4, colour, 1);
            Mix(pixels, ((y * width) + x1) * 4, colour, 1);
        }
    }

    private static int Place(double value, int limit) => Math.Clamp((int)Math.Round(value * Enlarged), 0, limit - 1);

    private static void Mix(byte[] pixels, int at, byte[] colour, double share)
    {
        for (var c = 0; c < 3; c++) pixels[at + c] = (byte)Math.Round((pixels[at + c] * (1 - share)) + (colour[c] * share));
    }
}
