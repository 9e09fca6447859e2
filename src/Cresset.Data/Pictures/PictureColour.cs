using System.Globalization;

namespace Cresset.Data;

/// <summary>A colour, each part in 0..1.</summary>
/// <param name="Red">Red.</param>
/// <param name="Green">Green.</param>
/// <param name="Blue">Blue.</param>
internal readonly record struct PictureColour(float Red, float Green, float Blue)
{
    private static readonly Dictionary<string, string> Names = new()
    {
        ["white"] = "ffffff",
        ["black"] = "000000",
        ["grey"] = "808080",
        ["gray"] = "808080"
    };

    public const string Allowed = "white, black, grey, or #rrggbb";

    /// <summary>Grey as one channel, otherwise red, green, blue.</summary>
    public float Of(int channel, int channels)
        => channels == 1 ? (0.299f * Red) + (0.587f * Green) + (0.114f * Blue) : channel switch { 0 => Red, 1 => Green, _ => Blue };

    public static PictureColour Parse(string text) => TryParse(text, out var colour) ? colour : throw new FormatException($"'{text}' "
        + $"is not a colour; allowed: {Allowed}.");

    public static bool TryParse(string? text, out PictureColour colour)
    {
        colour = default;
        if (text is null) return false;
        var digits = Names.GetValueOrDefault(text.ToLowerInvariant(), text.TrimStart('#'));
        if (digits.Length != 6 || !uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rgb))
            return false;
        colour = new PictureColour((rgb >> 16) / 255f, ((rgb >> 8) & 255) / 255f, (rgb & 255) / 255f);
        return true;
    }
}
