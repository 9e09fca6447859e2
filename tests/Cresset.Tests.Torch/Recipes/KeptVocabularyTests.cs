using Cresset.Recipes;
using Cresset.Runs;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>A run of a language model writes and is exported without its text; judging it needs the text.</summary>
public sealed class KeptVocabularyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-vocabulary-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("characters", "validation: 0.2, test: 0.2")]
    [InlineData("byte-pair", "validation: 0.3")]
    public void ARunWritesAndIsExportedWithoutItsText(string tokens, string shares)
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var text = Path.Combine(_folder, "text.txt");
        var words = string.Join('\n', Enumerable.Repeat("wir lesen, was wir lesen wollen", 30));
        File.WriteAllText(text, words);
        var run = runner.Train(Recipe.Parse(Yaml(tokens, shares, text), "test.yaml", "test", BuiltInParts.Catalog).Resolve());
        var (written, scores) = (Write(runner, run.RunId), Scores(runner, run.RunId));
        var judged = runner.Evaluate(run.RunId).Outcome.Metrics;
        Assert.Contains("nats", judged.Keys);

        File.Delete(text);
        Assert.Equal(written, Write(runner, run.RunId));
        Assert.Equal(scores, Scores(runner, run.RunId));
        var missing = Assert.Throws<FileNotFoundException>(() => runner.Evaluate(run.RunId)).Message;
        Assert.Contains("held-out part of that text", missing, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', missing);

        // Another text of as many characters means other tokens: the weights are not given to it.
        if (tokens == "characters")
        {
            File.WriteAllText(text, words.Replace('w', 'x'));
            Assert.Contains("other tokens", Assert.Throws<InvalidDataException>(() => runner.Evaluate(run.RunId)).Message,
                StringComparison.Ordinal);
        }
        File.WriteAllText(text, words);
        Assert.Equal(judged, runner.Evaluate(run.RunId).Outcome.Metrics);

        // A run of before has no such file, and takes its vocabulary from the text.
        var kept = Path.Combine(run.Folder, "vocabulary.json");
        File.Delete(kept);
        Assert.Equal(written, Write(runner, run.RunId));
        File.Delete(text);
        Assert.Throws<FileNotFoundException>(() => Write(runner, run.RunId));
        File.WriteAllText(kept, "{");
        Assert.Contains("vocabulary.json is damaged", Assert.Throws<InvalidDataException>(() => Write(runner, run.RunId)).Message,
            StringComparison.Ordinal);
    }

    private static string Yaml(string tokens, string shares, string text)
        => "job: language-model\nmodel: {layers: 1, heads: 2, width: 8, context: 8}\ntrainer: {steps: 2, batch_size: 2, device: cpu}\n"
            + $"data: {{kind: text, path: {text}, tokens: {tokens}, {shares}}}\n";

    private string Write(RecipeRunner runner, string run) => File.ReadAllText(Assert.Single(
        runner.Sample(run, new SampleRequest(1, 1, ["wir"], 1, Path.Combine(_folder, "out")) { Length = 20 }).Outcome.Pictures));

    private static float[] Scores(RecipeRunner runner, string run)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = runner.OpenExport(run).Model;
        var graph = model.Graphs[0];
        return graph.Function([zeros_like(graph.Example[0])])[0].flatten().data<float>().ToArray();
    }
}
