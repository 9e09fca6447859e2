using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>The twelve articles: what each has, and that the Chinese ones show the same.</summary>
public sealed partial class ArticleTests
{
    private const string Folder = "docs/articles";

    public static TheoryData<string> Names =>
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, Folder), "*.md").Select(f => Path.GetFileName(f))
            .Order(StringComparer.Ordinal)];

    [Fact]
    public void ThereAreTwelveInBothLanguages()
    {
        Assert.Equal(12, Names.Count);
        Assert.Equal([.. Names.Select(n => n.Data)],
            Directory.EnumerateFiles(Path.Combine(Repository.Root, Folder, "zh"), "*.md").Select(f => Path.GetFileName(f))
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EachExplainsShowsAndRuns(string name)
    {
        var text = Documents.Text($"{Folder}/{name}");
        var words = Formula().Replace(text, " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        Assert.InRange(words, 600, 1200);
        Assert.True(Formula().Count(text) >= 3, $"{name} has {Formula().Count(text)} formulas.");
        Assert.NotEmpty(Pictures(text));
        Assert.NotEmpty(Documents.Commands(text));
        Assert.Matches(@"\]\(\.\./[\w-]+\.md\)", text);
        Assert.Matches(@"\]\(\.\./\.\./src/[\w./]+\.cs\)", text);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheChineseOneShowsTheSame(string name)
    {
        var (english, chinese) = (Documents.Text($"{Folder}/{name}"), Documents.Text($"{Folder}/zh/{name}"));
        Assert.Equal(Pictures(english), Pictures(chinese));
        Assert.Equal(Documents.Commands(english), Documents.Commands(chinese));
        Assert.Equal(Code(english), Code(chinese));
        Assert.Equal(Formulas(english), Formulas(chinese));
        Assert.Equal(Sources(english), Sources(chinese));
        Assert.True(Ideograph().Count(chinese) > 900, $"{name} has {Ideograph().Count(chinese)} Chinese characters.");
    }

    [Fact]
    public void TheReadmesSayTheSame()
    {
        var (english, chinese) = (Documents.Text("README.md"), Documents.Text("README.zh-CN.md"));
        Assert.Equal(Documents.Commands(english), Documents.Commands(chinese));
        Assert.Equal(Pictures(english), Pictures(chinese));
        Assert.Equal(Code(english), Code(chinese));
        Assert.Equal(["dotnet run -c Release --project src/Cresset.Cli -- train", "dotnet test -c Release"],
            Documents.Commands(english).Take(2));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NewsAndReadmesNameEach(string name)
    {
        Assert.Contains($"link: articles/{Path.GetFileNameWithoutExtension(name)}.html", Documents.Text("site/updates.yaml"),
            StringComparison.Ordinal);
        Assert.Contains($"({Folder}/{name})", Documents.Text("README.md"), StringComparison.Ordinal);
        Assert.Contains($"({Folder}/zh/{name})", Documents.Text("README.zh-CN.md"), StringComparison.Ordinal);
    }

    private static List<string> Pictures(string text) => [.. Picture().Matches(text).Select(m => Path.GetFileName(m.Groups[1].Value))];

    private static List<string> Code(string text) => [.. Documents.Blocks(text).Where(b => b.Language == "csharp").Select(b => b.Content)];

    private static List<string> Sources(string text) => [.. Source().Matches(text).Select(m => m.Groups[1].Value)];

    // Words inside a formula may be translated.
    private static List<string> Formulas(string text) => [.. Formula().Matches(text).Select(m => Words().Replace(m.Value, "").Trim())];

    [GeneratedRegex(@"!\[[^\]]*\]\(([^)]+)\)")]
    private static partial Regex Picture();

    [GeneratedRegex(@"\]\((?:\.\./)+(src/[\w./]+)\)")]
    private static partial Regex Source();

    [GeneratedRegex(@"^\$\$\n.*?^\$\$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Formula();

    [GeneratedRegex(@"\\text\{[^}]*\}")]
    private static partial Regex Words();

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Ideograph();
}
