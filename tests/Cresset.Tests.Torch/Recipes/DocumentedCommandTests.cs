using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Cresset.Cli;
using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Every command that a readme, guide or article shows is one that cresset understands: verb, options, recipe, keys and values.
/// </summary>
public sealed partial class DocumentedCommandTests
{
    private static readonly RecipeCatalog Catalog = new();

    public static TheoryData<string> Files => [.. Documents.AndPages];

    [Theory]
    [MemberData(nameof(Files))]
    public void CommandsAreUnderstood(string file)
    {
        var root = CommandTree.Whole(BuiltInParts.Catalog);
        var wrong = Documents.Commands(Documents.Text(file)).Select(c => (Command: c, Problem: Problem(root, c)))
            .Where(c => c.Problem is not null).ToList();
        Assert.True(wrong.Count == 0,
            $"{file} shows what cresset refuses:\n{string.Join('\n', wrong.Select(w => $"  {w.Command}\n    {w.Problem}"))}");
    }

    [Theory]
    [InlineData("cresset trian digits-classifier")]
    [InlineData("cresset train digits-clasifier")]
    [InlineData("cresset train digits-classifier trainer.step=5")]
    [InlineData("cresset train digits-classifier optimizer=lio")]
    [InlineData("cresset train digits-classifier data.size=5")]
    [InlineData("cresset runs --no-such-option")]
    [InlineData("cresset show no-such-part")]
    [InlineData("cresset rl solve NoSuchWorld --algo sarsa")]
    [InlineData("cresset rl solve CliffWalking --algo no-such-method")]
    public void AWrongCommandIsSeen(string command) => Assert.NotNull(Problem(CommandTree.Whole(BuiltInParts.Catalog), command));

    private static string? Problem(RootCommand root, string line)
    {
        if (!line.StartsWith("cresset ", StringComparison.Ordinal)) return null;
        var words = CommandLineParser.SplitCommandLine(Redirection().Replace(line, "")).Skip(1).ToArray();
        // launch hands on what stands behind its own options.
        if (words is ["launch", .. var rest])
            words = [.. rest.SkipWhile(w => w.StartsWith('-') || int.TryParse(w, out _) || w.Contains(':', StringComparison.Ordinal))];
        var result = root.Parse(words);
        if (result.Errors.Count > 0) return result.Errors[0].Message;
        if (words.Contains("--with") || words.Contains("--resume")) return null;
        try
        {
            return Named(words);
        }
        catch (Exception e) when (e is ConfigException or ArgumentException)
        {
            return e.Message;
        }
    }

    // What stands behind the verb: recipes with keys, parts, kinds, environments.
    private static string? Named(string[] words)
    {
        switch (words)
        {
            case ["train", .. var given]:
                return Recipe([.. given.Where(w => !w.StartsWith('-'))]);
            case ["sweep", var recipe, .. var settings]:
                return Recipe([recipe, .. settings.TakeWhile(s => !s.StartsWith('-')).Select(First)]);
            case ["show", var part, ..]:
                var name = part[(part.IndexOf('/', StringComparison.Ordinal) + 1)..];
                return name is "NAME" or "RECIPE" or "PART" || RecipeCatalog.Names.Contains(name)
                    || BuiltInParts.Catalog.All.Any(p => p.IsNamed(name)) ? null : $"there is no part '{name}'";
            case ["rl", "solve", var world, .. var options]:
                var algorithm = Array.IndexOf(options, "--algo") is >= 0 and var at ? options[at + 1] : "value-iteration";
                BuiltInParts.Catalog.Get("rl-method", algorithm);
                BuiltInParts.Catalog.Get("environment", world);
                return null;
            default:
                return null;
        }
    }

    private static string? Recipe(string[] words)
    {
        // A file of the reader's own, or a placeholder, has keys that nobody here knows.
        if (words is [var first, ..] && !first.Contains('=', StringComparison.Ordinal)
            && (first.Contains(".yaml", StringComparison.Ordinal) || first.All(c => char.IsUpper(c)))) return null;
        using var own = new OwnFiles();
        Cresset.Cli.Commands.TrainCommand.Resolve(Catalog, [.. words.Select(own.Standing)]);
        return null;
    }

    // A path of the reader's (data=photos, data=points.csv) is taken where it exists: something stands there while the words are read.
    private sealed class OwnFiles : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("cresset-documents-").FullName;

        public string Standing(string word)
        {
            if (!word.StartsWith("data=", StringComparison.Ordinal) || word.Contains('{', StringComparison.Ordinal)) return word;
            var name = word["data=".Length..];
            if (BuiltInParts.Catalog.Of("data").Any(p => p.IsNamed(name))) return word;
            var path = Path.Combine(_folder, name);
            if (Path.HasExtension(name)) File.WriteAllText(path, "a,b\n1,2\n");
            else Directory.CreateDirectory(path);
            return $"data={path}";
        }

        public void Dispose() => Directory.Delete(_folder, true);
    }

    // A sweep's values are lists and ranges: the first of them is a value like any other.
    private static string First(string setting)
    {
        var at = setting.IndexOf('=', StringComparison.Ordinal) + 1;
        var value = Range().Match(setting[at..]) is { Success: true } range ? range.Groups[1].Value : setting[at..].Split(',')[0];
        return setting[..at] + value;
    }

    [GeneratedRegex(@"\s*[|>] .*$")]
    private static partial Regex Redirection();

    [GeneratedRegex(@"^(?:log|lin):([^.]+(?:\.\d+)?)\.\.")]
    private static partial Regex Range();
}
