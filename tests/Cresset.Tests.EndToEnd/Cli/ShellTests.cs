using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>What a shell and a program ask of the command: completion of every word, JSON of every verb, lists that fit.</summary>
public sealed class ShellTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-shell-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("cresset train vqvae-d", "vqvae-digits")]
    [InlineData("cresset train vqvae-digits optimiz", "optimizer=")]
    [InlineData("cresset train vqvae-digits optimizer=li", "optimizer=lion")]
    [InlineData("cresset train vqvae-digits quantizer=look", "quantizer=lookup-free")]
    [InlineData("cresset train vqvae-digits quantizer=residual quantizer.st", "quantizer.stages=")]
    [InlineData("cresset train pixelcnn-digits model=ma", "model=mask-git")]
    [InlineData("cresset sweep realnvp-moons flow=", "flow=maf")]
    [InlineData("cresset list opti", "optimizer")]
    [InlineData("cresset show quantizer/f", "quantizer/finite-scalar")]
    [InlineData("cresset train --", "--dry-run")]
    public void WordsAreCompleted(string line, string word)
        => Assert.Contains(word, Lines(CressetProcess.Run(_folder, $"[suggest:{line.Length}]", line)));

    [Fact]
    public void RunsAreCompletedAndHalfACommandLineIsNoError()
    {
        Copy(Path.Combine(Repository.Root, "tests", "References", "earlier", "store"), Path.Combine(_folder, "runs"));
        Assert.Contains("realnvp-digits",
            Lines(CressetProcess.Run(_folder, "[suggest:12]", "cresset eval"))
                .Concat(Lines(CressetProcess.Run(_folder, "[suggest:20]", "cresset eval realnvp-"))));
        var (code, output, error) = CressetProcess.Run(_folder, "[suggest:36]", "cresset train no-such-recipe optimiz");
        Assert.Equal((0, ""), (code, error));
        Assert.DoesNotContain("optimizer", output, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryVerbAnswersInJson()
    {
        Copy(Path.Combine(Repository.Root, "tests", "References", "earlier", "store"), Path.Combine(_folder, "runs"));
        var verbs = Json("list", "verbs").EnumerateArray()
            .ToDictionary(v => v.GetProperty("verb").GetString()!,
                v => v.GetProperty("options").EnumerateArray().Select(o => o.GetString()).ToList());
        Assert.True(verbs.Count > 40, $"{verbs.Count} verbs");
        Assert.Empty(verbs.Where(v => !v.Value.Contains("--json")).Select(v => v.Key));
        foreach (var line in new[]
        {
            "list kinds", "show spline", "completion bash", "sa rules", "runs", "runs show realnvp-digits", "runs plot realnvp-digits",
            "runs tag realnvp-digits good",
        }) Json(line.Split(' '));
    }

    [Fact]
    public void EveryKindOfPartsIsListedUnderItsPlural()
    {
        var kinds = Json("list", "kinds").EnumerateArray()
            .Select(k => k.GetProperty("kind").GetString()!).ToList();
        Assert.Contains("loss", kinds);
        foreach (var kind in kinds)
        {
            var plural = kind is "data" or "tokens" ? kind
                : kind.EndsWith('y') ? kind[..^1] + "ies" : kind + (kind.EndsWith('s') ? "es" : "s");
            var listed = Json("list", $"--{plural}").EnumerateArray().ToList();
            Assert.All(listed, part => Assert.Equal(kind, part.GetProperty("kind").GetString()));
            Assert.NotEmpty(listed);
        }
        var (code, _, error) = CressetProcess.Run(_folder, "list", "optimisers");
        Assert.Equal(2, code);
        Assert.Contains("Did you mean 'optimizers'?", error, StringComparison.Ordinal);
    }

    [Fact]
    public void ListsFitAHundredColumnsAndAreGrouped()
    {
        foreach (var line in new[] { "list", "list kinds", "list --flows" })
            Assert.All(Lines(CressetProcess.Run(_folder, line.Split(' '))), text => Assert.True(text.Length <= 100, text));
        var output = CressetProcess.Run(_folder, "list").Output;
        Assert.Contains("\nNormalizing and continuous flows\n", output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.True(Lines(CressetProcess.Run(_folder)).Count() < 25);
    }

    private JsonElement Json(params string[] words)
    {
        var (_, output, error) = CressetProcess.Run(_folder, [.. words, "--json"]);
        try
        {
            return JsonDocument.Parse(output).RootElement;
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"{string.Join(' ', words)} --json: {e.Message}\n{output}\n{error}");
        }
    }

    private static IEnumerable<string> Lines((int Code, string Output, string Error) result) =>
        result.Output.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0);

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
