using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>No link or picture of a readme, guide or article leads nowhere.</summary>
public sealed class DocumentLinkTests
{
    public static TheoryData<string> Files => [.. Documents.All];

    [Theory]
    [MemberData(nameof(Files))]
    public void LinksLeadSomewhere(string file)
    {
        var text = Documents.Text(file);
        // A picture inside a link hides from one pass: pictures are found once more by themselves.
        var links = Documents.Links(text).Concat(Documents.Links(text.Replace("[![", "![", StringComparison.Ordinal))).Distinct().ToList();
        var wrong = new List<string>();
        foreach (var (isPicture, target) in links)
        {
            var hash = target.IndexOf('#', StringComparison.Ordinal);
            var (path, anchor) = hash < 0 ? (target, "") : (target[..hash], Uri.UnescapeDataString(target[(hash + 1)..]));
            var full = path.Length == 0 ? Path.Combine(Repository.Root, file)
                : Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(file)!, Uri.UnescapeDataString(path)));
            if (isPicture ? !File.Exists(full) : !File.Exists(full) && !Directory.Exists(full)) wrong.Add(target);
            else if (anchor.Length > 0 && full.EndsWith(".md", StringComparison.Ordinal)
                && !Documents.Anchors(File.ReadAllText(full).ReplaceLineEndings("\n")).Contains(anchor)) wrong.Add(target);
        }
        Assert.True(wrong.Count == 0, $"{file} links to what is not there: {string.Join(", ", wrong)}");
    }

    [Fact]
    public void TheCheckSeesWhatItShould()
    {
        const string Text = "# A b\n\n[![x](a.png)](b.md#a-b) [y](c.md) `[z](d.md)` [w](https://example.org)\n\n```\n[v](e.md)\n```\n## A "
            + "b\n";
        Assert.Equal([(false, "b.md#a-b"), (false, "c.md")], Documents.Links(Text));
        Assert.Contains((true, "a.png"), Documents.Links(Text.Replace("[![", "![", StringComparison.Ordinal)));
        Assert.Equal(["a-b", "a-b-1"], Documents.Anchors(Text));
    }
}
