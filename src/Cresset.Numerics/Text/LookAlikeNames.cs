namespace Cresset.Numerics;

/// <summary>Finds names that a person would take for one: "Cat" and "cat", a blank at the end, an accent of its own character.</summary>
public static class LookAlikeNames
{
    private const int Shown = 5;

    /// <summary>The names that look alike and how they differ, as the middle of a sentence; null where all look apart.</summary>
    public static string? Describe(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var groups = names.Distinct(StringComparer.Ordinal).GroupBy(Plain).Where(g => g.Count() > 1).ToList();
        if (groups.Count == 0) return null;
        var composed = groups.Where(g => g.Select(UnicodeComposition.Compose).Distinct(StringComparer.Ordinal).Count() == 1).ToList();
        var others = groups.Except(composed).ToList();
        List<string> sentences = [];
        if (others.Count > 0) sentences.Add($"{Some(others)} differ in case or blanks alone");
        if (composed.Count > 0)
            sentences.Add($"{Some(composed)} look the same and differ in whether an accent is a character of its own (Unicode's forms C "
                + $"and D, which systems write names in)");
        return string.Join(", and ", sentences);
    }

    private static string Some(IReadOnlyList<IGrouping<string, string>> groups)
        => string.Join(", ", groups.Take(Shown).Select(g => string.Join(" and ", g.Select(n => $"'{n}'"))))
            + (groups.Count > Shown ? " ..." : "");

    private static string Plain(string name)
        => string.Concat(UnicodeComposition.Compose(name).Where(c => !char.IsWhiteSpace(c))).ToUpperInvariant();
}
