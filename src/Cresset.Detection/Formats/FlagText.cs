namespace Cresset.Detection;

/// <summary>Yes and no as files write them.</summary>
internal static class FlagText
{
    /// <summary>Reads 0, 1, true, false, yes, no, in any case, a number (not zero is yes), or nothing and "Unspecified" (no).</summary>
    /// <returns>False when the text is none of these.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out bool value)
    {
        text = text.Trim();
        value = Is(text, "true") || Is(text, "yes") || Is(text, "y") || Is(text, "t");
        if (value || text.IsEmpty) return true;
        if (Is(text, "false") || Is(text, "no") || Is(text, "n") || Is(text, "f") || Is(text, "unspecified")
            || Is(text, "none")) return true;
        const System.Globalization.NumberStyles Style = System.Globalization.NumberStyles.Float;
        if (!double.TryParse(text, Style, System.Globalization.CultureInfo.InvariantCulture, out var number)
            || !double.IsFinite(number)) return false;
        value = number != 0;
        return true;
    }

    private static bool Is(ReadOnlySpan<char> text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
