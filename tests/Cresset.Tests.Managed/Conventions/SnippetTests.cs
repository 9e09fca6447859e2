using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>Every C# block of the guides is code that is compiled and run as a sample.</summary>
public sealed partial class SnippetTests
{
    private static readonly string Samples = Path.Combine(Repository.Root, "samples");

    // The pages, and what each package says of itself.
    public static TheoryData<string> Guides =>
    [
        .. Documents.All,
        .. new[] { "src", "packages" }.SelectMany(room => Directory.EnumerateDirectories(Path.Combine(Repository.Root, room), "Cresset.*"))
            .Select(folder => Path.GetRelativePath(Repository.Root, Path.Combine(folder, "README.md"))),
    ];

    [Theory]
    [MemberData(nameof(Guides))]
    public void BlocksStandInTheSamples(string guide)
    {
        var sources = Directory.EnumerateFiles(Samples, "*.cs", SearchOption.AllDirectories)
            .ToDictionary(f => f, f => Lines(File.ReadAllText(f)));
        foreach (Match block in Block().Matches(File.ReadAllText(Path.Combine(Repository.Root, guide)).ReplaceLineEndings("\n")))
        {
            var wanted = Lines(block.Groups[1].Value).Where(line => !Using().IsMatch(line)).ToList();
            Assert.True(sources.Values.Any(lines => StandsIn(wanted, lines)),
                $"{guide}: no file under samples/ holds these lines in this order; add them there or mend the "
                    + $"guide:\n{string.Join('\n', wanted)}");
        }
    }

    [Fact]
    public void SamplesAreShort()
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Samples, "Cresset.Samples", "Programs"), "*.cs"))
        {
            var lines = File.ReadLines(file).Count();
            Assert.True(lines <= 60, $"{file} has {lines} lines; a sample has at most 60.");
        }
    }

    private static bool StandsIn(List<string> wanted, List<string> lines)
    {
        var at = 0;
        foreach (var line in lines)
        {
            if (at < wanted.Count && line == wanted[at]) at++;
        }
        return at == wanted.Count;
    }

    private static List<string> Lines(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];

    [GeneratedRegex("^```csharp\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^using [\w. ]+;$")]
    private static partial Regex Using();
}
