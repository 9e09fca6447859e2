using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>Every row of docs/torchsharp.md names a test that is there.</summary>
public sealed partial class DefectTableTests
{
    [Fact]
    public void EveryRowHasItsTest()
    {
        var rows = File.ReadLines(Path.Combine(Repository.Root, "docs", "torchsharp.md"))
            .Where(l => l.StartsWith('|') && !l.Contains("| test |", StringComparison.Ordinal)
                && !l.StartsWith("|---", StringComparison.Ordinal)).ToList();
        Assert.True(rows.Count >= 20, $"{rows.Count} rows");
        var tests = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => Method().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value)).ToHashSet();
        foreach (var row in rows)
        {
            var name = Last().Match(row);
            Assert.True(name.Success && tests.Contains(name.Groups[1].Value), $"names no test: {row}");
        }
    }

    [GeneratedRegex(@"public (?:async )?(?:void|Task) (\w+)\(")]
    private static partial Regex Method();

    [GeneratedRegex(@"`(\w+)` \|$")]
    private static partial Regex Last();
}
