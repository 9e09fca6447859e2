using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>The list of ARCHITECTURE.md by which a newcomer finds a word of the field.</summary>
public sealed partial class WhereTests
{
    [Fact]
    public void EveryWordLeadsToItsFile()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "ARCHITECTURE.md"));
        var start = text.IndexOf("## Where is what?", StringComparison.Ordinal);
        var rows = Rows().Matches(text[start..text.IndexOf("\n## ", start + 1, StringComparison.Ordinal)]);
        Assert.True(rows.Count >= 60, $"{rows.Count} words are listed.");
        var words = rows.Select(r => r.Groups["word"].Value.Trim('`')).ToArray();
        Assert.Equal(words.Order(StringComparer.OrdinalIgnoreCase), words);
        var wrong = rows.Where(r => !Holds(Path.Combine(Repository.Root, r.Groups["path"].Value), r.Groups["name"].Value))
            .Select(r => r.Value);
        Assert.True(!wrong.Any(), "ARCHITECTURE.md leads to what is not there:\n" + string.Join('\n', wrong));
    }

    /// <summary>A folder holds a name in the names of its files.</summary>
    private static bool Holds(string path, string name)
        => Directory.Exists(path) ? Directory.GetFiles(path).Any(f => Path.GetFileName(f).Contains(name, StringComparison.Ordinal))
            : File.Exists(path) && Regex.IsMatch(File.ReadAllText(path), $@"\b{Regex.Escape(name)}\b");

    [GeneratedRegex(@"^- (?<word>.+): `(?<path>[^`]+)` \(`(?<name>[^`]+)`\)$", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
