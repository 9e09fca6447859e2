namespace Cresset.Recipes;

/// <summary>What a list of recipes says of one.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Subject">Under which heading it is listed.</param>
/// <param name="Job">The name of its job.</param>
/// <param name="Summary">One sentence.</param>
public sealed record RecipeHeading(string Name, string Subject, string Job, string Summary)
{
    /// <summary>
    /// The heading of a text that gives summary, subject and job on lines of their own, plain or in double quotes, as the built-in recipes
    /// do; null for any other: that one takes a reader of YAML.
    /// </summary>
    internal static RecipeHeading? OfPlainLines(string name, string yaml)
    {
        string? own = null, summary = null, subject = null, job = null;
        foreach (var line in yaml.AsSpan().EnumerateLines())
        {
            if (!Is(line, "summary", ref summary) || !Is(line, "subject", ref subject) || !Is(line, "job", ref job)
                || !Is(line, "name", ref own)) return null;
        }
        return summary is null || subject is null || job is null ? null : new(own ?? name, subject, job, summary);
    }

    // False when the value is more than plain words.
    private static bool Is(ReadOnlySpan<char> line, string key, ref string? value)
    {
        if (!line.StartsWith(key) || line.Length <= key.Length + 2 || line[key.Length] != ':') return true;
        var text = line[(key.Length + 1)..].Trim();
        if (text.Length > 2 && text[0] == '"' && text[^1] == '"' && text[1..^1].IndexOfAny('"', '\\') < 0)
        {
            if (value is not null) return false;
            value = text[1..^1].ToString();
            return true;
        }
        if (text.IsEmpty || value is not null || !char.IsAsciiLetterOrDigit(text[0]) || text.Contains(": ", StringComparison.Ordinal)
            || text.Contains(" #", StringComparison.Ordinal) || text[^1] == ':') return false;
        value = text.ToString();
        return true;
    }
}
