namespace Cresset.Recipes;

/// <summary>Parts a text that holds several values.</summary>
internal static class ConfigWords
{
    /// <summary>The pieces between borders, empty ones too; what stands in brackets, braces and quotes is not parted.</summary>
    public static IReadOnlyList<string> Split(string text, Func<char, bool> isBorder)
    {
        var (pieces, depth, quoted, start) = (new List<string>(), 0, false, 0);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"') quoted = !quoted;
            else if (!quoted && c is '[' or '{') depth++;
            else if (!quoted && c is ']' or '}') depth--;
            if (!isBorder(c) || depth > 0 || quoted) continue;
            pieces.Add(text[start..i]);
            start = i + 1;
        }
        return [.. pieces, text[start..]];
    }
}
