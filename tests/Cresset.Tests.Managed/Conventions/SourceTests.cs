using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>What a reader may rely on in every source file.</summary>
public sealed partial class SourceTests
{
    private static readonly string[] Sources = [
        .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("\\obj\\", StringComparison.Ordinal)).Order()];

    [Fact]
    public void FilesStayShort()
    {
        var lengths = Sources.Select(f => (File: f, Lines: File.ReadLines(f).Count())).OrderBy(x => x.Lines).ToList();
        Assert.True(lengths[^1].Lines <= 450, $"{Relative(lengths[^1].File)} has {lengths[^1].Lines} lines; split it by concept.");
        var p95 = lengths[(int)(0.95 * lengths.Count)];
        Assert.True(p95.Lines <= 300, $"The 95th percentile is {p95.Lines} lines; most files should stay under 250.");
    }

    [Fact]
    public void LinesFitAScreen()
    {
        string[] rooms = ["src", "samples", "bench", "site", "build", "templates", "tests"];
        var long140 = rooms.Select(r => Path.Combine(Repository.Root, r)).Where(Directory.Exists)
            .SelectMany(r => Directory.EnumerateFiles(r, "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(f => File.ReadLines(f).Select((line, i) => (File: Relative(f), Line: line, Number: i + 1)))
            .Where(x => x.Line.Length > 140);
        // A test may hold a line of somebody's file as that file has it.
        var wrong = long140.Where(x => !(x.File.StartsWith("tests", StringComparison.Ordinal) && DataLine().IsMatch(x.Line)));
        Assert.Empty(wrong.Select(x => $"{x.File}:{x.Number}: {x.Line.Length} columns"));
    }

    [Fact]
    public void NamesSayWhatIsInside()
    {
        var empty =
            Sources.Where(
                f => EmptyName().IsMatch(Path.GetFileNameWithoutExtension(f))
                    || Path.GetDirectoryName(f)!.Split(Path.DirectorySeparatorChar).Any(d => EmptyName().IsMatch(d))).Select(Relative)
                    .ToList();
        Assert.Empty(empty);
    }

    /// <summary>Tests have names as all methods have: one style, that of .NET.</summary>
    [Fact]
    public void TestsAreNamedInPascalCase()
    {
        var wrong = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => TestName().Matches(File.ReadAllText(f)).Select(m => $"{Relative(f)}: {m.Groups["name"].Value}"))
            .Where(n => n.AsSpan(n.IndexOf(':', StringComparison.Ordinal) + 2).Contains('_'));
        Assert.Empty(wrong);
    }

    [Fact]
    public void NothingIsLeftUnfinished()
    {
        var found = Sources.SelectMany(f => File.ReadLines(f).Select((line, i) => (f, line, i)))
            .Where(x => Unfinished().IsMatch(x.line)).Select(x => $"{Relative(x.f)}:{x.i + 1}: {x.line.Trim()}").ToList();
        Assert.Empty(found);
    }

    [Fact]
    public void ForwardsSayTheirShapes()
    {
        var silent = new List<string>();
        foreach (var file in Sources)
        {
            var text = File.ReadAllText(file);
            if (!PublicClass().IsMatch(text)) continue;
            foreach (Match match in Forward().Matches(text))
            {
                var documentation = CommentAbove(text, match.Index);
                // An inherited comment leaves the shapes to the class's own summary.
                if (documentation.Contains("inheritdoc", StringComparison.Ordinal) || documentation.Length == 0)
                    documentation = string.Join('\n',
                        text[..match.Index].Split('\n').Where(l => l.TrimStart().StartsWith("///", StringComparison.Ordinal)));
                if (!documentation.Contains('[', StringComparison.Ordinal)) silent.Add($"{Relative(file)}: {match.Value.Trim()}");
            }
        }
        Assert.True(silent.Count == 0, "forward without shapes such as [N, C, H, W] in its documentation:\n" + string.Join("\n", silent));
    }

    private static string CommentAbove(string text, int index)
    {
        var lines = text[..index].TrimEnd().Split('\n');
        return string.Join('\n',
            lines.Reverse().TakeWhile(l => l.TrimStart().StartsWith("///", StringComparison.Ordinal) || l.TrimStart().StartsWith('['))
                .Reverse());
    }

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file);

    [GeneratedRegex(@"public (static )?(async )?(void|Task) (?<name>\w+)\(")]
    private static partial Regex TestName();

    [GeneratedRegex("""^\s*(\{"|"|<|int MPI_|print\(|\$*\"\"\"|[:+]\s\$?")""")]
    private static partial Regex DataLine();

    [GeneratedRegex("^(Utils?|Helpers?|Common|Misc)$|(Utils?|Helpers?|Manager)$")]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"NotImplementedException|\b(TODO|FIXME|HACK)\b|for now\b", RegexOptions.IgnoreCase)]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"^public (abstract |sealed )?(partial )?class", RegexOptions.Multiline)]
    private static partial Regex PublicClass();

    [GeneratedRegex(@"^ {4}public override .*Tensor.* forward\(", RegexOptions.Multiline)]
    private static partial Regex Forward();
}
