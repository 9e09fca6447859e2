using System.Text;
using System.Text.RegularExpressions;

namespace Cresset.Tests;

/// <summary>The Markdown files that a reader is given, and what tests ask of them.</summary>
internal static partial class Documents
{
    /// <summary>The two readmes, all guides and articles, as paths from the root.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
        .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Repository.Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    /// <summary>These and the pages that the site has of its own, whose links are places of the site.</summary>
    public static IReadOnlyList<string> AndPages { get; } =
        [.. All,
            .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "site"), "*.md", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(Repository.Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>The text of a file.</summary>
    public static string Text(string path) => File.ReadAllText(Path.Combine(Repository.Root, path)).ReplaceLineEndings("\n");

    /// <summary>The blocks between fences: language and content.</summary>
    public static IEnumerable<(string Language, string Content)> Blocks(string text) =>
        Fence().Matches(text).Select(m => (m.Groups[1].Value, m.Groups[2].Value));

    /// <summary>The commands of a text: lines of its blocks that begin with one of the two programs, without what a comment says.</summary>
    public static IReadOnlyList<string> Commands(string text)
        => [.. Blocks(text).Where(b => b.Language is "" or "bash" or "text")
            .SelectMany(b => b.Content.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
            .Where(l => l.StartsWith("cresset ", StringComparison.Ordinal) || l.StartsWith("dotnet ", StringComparison.Ordinal))
            .Select(l => Comment().Replace(l, "").Trim())];

    /// <summary>Pictures and links with relative targets, code left out.</summary>
    public static IEnumerable<(bool IsPicture, string Target)> Links(string text)
        => Link().Matches(InlineCode().Replace(Fence().Replace(text, ""), "")).Select(m => (m.Groups[1].Length > 0, m.Groups[2].Value))
            .Where(l => !l.Value.Contains("://", StringComparison.Ordinal) && !l.Value.StartsWith("mailto:", StringComparison.Ordinal));

    /// <summary>The anchors that GitHub gives the headings of a text.</summary>
    public static HashSet<string> Anchors(string text)
    {
        var anchors = new HashSet<string>();
        foreach (Match heading in Heading().Matches(Fence().Replace(text, "")))
        {
            var anchor = new StringBuilder();
            foreach (var c in heading.Groups[1].Value.Trim().ToLowerInvariant())
            {
                if (char.IsLetterOrDigit(c) || c is '-' or '_') anchor.Append(c);
                else if (c == ' ') anchor.Append('-');
            }
            var name = anchor.ToString();
            for (var i = 1; !anchors.Add(name); i++) name = $"{anchor}-{i}";
        }
        return anchors;
    }

    [GeneratedRegex("^```(\\w*)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("`[^`\n]+`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@"\s+#\s.*$|\s{2,}#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(!?)\[(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
