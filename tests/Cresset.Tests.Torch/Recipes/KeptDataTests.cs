using System.Text.Json.Nodes;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// A run keeps what its weights mean: it draws and is exported without its data, which only judging it needs, and data that would mean
/// something else to its weights are refused.
/// </summary>
public sealed class KeptDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-kept-").FullName;

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
        Assert.Contains("held-out part of its data", missing, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', missing);

        // Another text of as many characters means other tokens: the weights are not given to it.
        if (tokens == "characters")
        {
            File.WriteAllText(text, words.Replace('w', 'x'));
            Assert.Contains("other tokens", Assert.Throws<DataMismatchException>(() => runner.Evaluate(run.RunId)).Message,
                StringComparison.Ordinal);
        }
        File.WriteAllText(text, words);
        Assert.Equal(judged, runner.Evaluate(run.RunId).Outcome.Metrics);

        // A run of before noted no more than a fingerprint, and one without an end takes its vocabulary from the text.
        File.Delete(Path.Combine(run.Folder, "model.safetensors"));
        var kept = Path.Combine(run.Folder, "data.json");
        var noted = JsonNode.Parse(File.ReadAllText(kept))!.AsObject();
        noted.Remove("Facts");
        File.WriteAllText(kept, noted.ToJsonString());
        Assert.Equal(written, Write(runner, run.RunId));
        File.Delete(text);
        Assert.Throws<FileNotFoundException>(() => Write(runner, run.RunId));
        foreach (var damaged in new[] { "{", "", "null", "[]", "{}", """{"Fingerprint":5}""", """{"Fingerprint":null,"Facts":{}}""" })
        {
            File.WriteAllText(kept, damaged);
            Assert.Contains("data.json is damaged", Assert.Throws<InvalidDataException>(() => Write(runner, run.RunId)).Message,
                StringComparison.Ordinal);
        }
    }

    // Rows that come later move the mean of a column: drawn in new units, old weights would give wrong numbers without a word.
    [Fact]
    public void ATableThatGrewNeitherChangesWhatIsDrawnNorIsLearnedOn()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var table = Path.Combine(_folder, "rows.csv");
        var random = new Random(1);
        var rows = "a,b\n" + string.Concat(Enumerable.Range(0, 100).Select(_ => FormattableString.Invariant(
            $"{random.NextDouble():f4},{100 * random.NextDouble():f4}\n")));
        File.WriteAllText(table, rows);
        var run = runner.Train(Recipe.Parse("job: density\ntrainer: {steps: 2, batch_size: 8, device: cpu}\n"
            + $"data: {{kind: csv, path: {table}}}\n", "test.yaml", "test", BuiltInParts.Catalog).Resolve());
        string Draw() => File.ReadAllText(Assert.Single(runner.Sample(run.RunId, new SampleRequest(3, 1, null, 1,
            Path.Combine(_folder, "drawn"))
        { Format = SampleFormat.Csv }).Outcome.Pictures));
        var drawn = Draw();

        File.WriteAllText(table, rows + "7,9000\n");
        Assert.Equal(drawn, Draw());
        var judged = Assert.Throws<DataMismatchException>(() => runner.Evaluate(run.RunId)).Message;
        Assert.Contains("column 'a' had mean 0.", judged, StringComparison.Ordinal);
        Assert.Equal(judged, Assert.Throws<DataMismatchException>(() => runner.Resume(run.RunId, ["trainer.steps=4"])).Message);
        Assert.Equal(RunStatus.Finished, store.Get(run.RunId).Status);

        // Earlier versions noted less, and their model's own file says what it learned from.
        var path = Path.Combine(run.Folder, "data.json");
        var noted = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        foreach (var key in new[] { "Facts", "HasValidation", "HasTest" }) noted.Remove(key);
        File.WriteAllText(path, noted.ToJsonString());
        Assert.Equal(drawn, Draw());
    }

    // A class that comes first moves the others' numbers by one: a model of three classes would be scored by wrong names.
    [Fact]
    public void ClassesThatChangeTheirOrderAreRefused()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var table = Path.Combine(_folder, "rows.csv");
        string Rows(string first) => "x,kind\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i},{(i % 2 == 0 ? first : "m")}\n"));
        File.WriteAllText(table, Rows("a"));
        var run = runner.Train(Recipe.Parse("job: classifier\ntrainer: {steps: 2, batch_size: 8, device: cpu}\n"
            + $"data: {{kind: csv, path: {table}, target: kind}}\n", "test.yaml", "test", BuiltInParts.Catalog).Resolve());
        File.WriteAllText(table, Rows("z"));
        Assert.Contains("its classes were a, m when the run began and are m, z now",
            Assert.Throws<DataMismatchException>(() => runner.Evaluate(run.RunId)).Message, StringComparison.Ordinal);
    }

    // A table whose cells learned from different data compares nothing.
    [Fact]
    public void AStudyDoesNotGoOnWithOtherData()
    {
        var table = Path.Combine(_folder, "rows.csv");
        DataSplit Open(int more)
        {
            File.WriteAllText(table, "x,y\n" + string.Concat(Enumerable.Range(0, 30 + more).Select(i => $"{i},{i * i}\n")));
            return new CsvData { Path = table }.Open(new DataUse(TargetKind.None));
        }
        var recipe = Recipe.Parse("job: density\n", "test.yaml", "test", BuiltInParts.Catalog).Resolve(["data=digits"]);
        var context = new JobContext(recipe, NullRunRecorder.Instance, _folder, null, default);
        using (var data = Open(0)) RunData.RequireSame(context, data, hasBegun: false);
        using (var same = Open(0)) RunData.RequireSame(context, same, hasBegun: true);
        using var other = Open(1);
        Assert.Contains("cannot be compared", Assert.Throws<DataMismatchException>(
            () => RunData.RequireSame(context, other, hasBegun: true)).Message, StringComparison.Ordinal);
        // Nothing was measured yet: the study begins with them.
        RunData.RequireSame(context, other, hasBegun: false);
        RunData.RequireSame(context, other, hasBegun: true);
    }

    // A folder that is filled while a sweep is stopped: its later cells learn more than its first.
    [Fact]
    public void ASweepSaysWhenItsCellsLearnedFromDifferentData()
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var catalog = new RecipeCatalog();
        var table = Path.Combine(_folder, "rows.csv");
        void Write(int rows) =>
            File.WriteAllText(table, "x,y\n" + string.Concat(Enumerable.Range(0, rows).Select(i => $"{i},{i * i % 7}\n")));
        var recipe = Recipe.Parse("job: density\ntrainer: {steps: 2, batch_size: 8, device: cpu}\n"
            + $"data: {{kind: csv, path: {table}}}\n", "test.yaml", "test", BuiltInParts.Catalog);
        var plan = Sweep.Plan(recipe, [Sweep.Axis("lr=1e-3,1e-2")], 1, 0);
        foreach (var (name, later) in new[] { ("same", 40), ("grown", 50) })
        {
            var sweep = new Sweep(store, catalog, name);
            Write(40);
            Assert.True(sweep.RunCell(plan, 0));
            Write(later);
            Assert.True(sweep.RunCell(plan, 1));
            var notices = sweep.DataNotices(sweep.Rows(plan)!);
            // And who lays two of them side by side by hand.
            var runs = store.List(new RunQuery { Tag = sweep.Tag });
            var compared = RunComparison.DataNotices(store, runs);
            if (later == 40)
            {
                Assert.Empty(notices);
                Assert.Empty(compared);
                continue;
            }
            Assert.Contains("learned from another state of the data", Assert.Single(notices), StringComparison.Ordinal);
            Assert.Contains("--name", notices[0], StringComparison.Ordinal);
            Assert.Contains("learned from another state of the data", Assert.Single(compared), StringComparison.Ordinal);
            // What a run learned from that kept no readable note of it is not known, and that is said.
            var (first, second) = (runs[0], runs[1]);
            var path = Path.Combine(first.Folder, "data.json");
            File.WriteAllText(path, "{");
            var notice = Assert.Single(RunComparison.DataNotices(store, runs));
            Assert.Contains($"{first.Id}: {path} is damaged", notice, StringComparison.Ordinal);
            Assert.Equal(notice, Assert.Single(sweep.DataNotices(sweep.Rows(plan)!)));
            File.Delete(path);
            Assert.StartsWith($"{first.Id}: its folder holds no note", Assert.Single(RunComparison.DataNotices(store, runs)),
                StringComparison.Ordinal);
            // Where none of them noted any, there is nothing to hold against one another.
            File.Delete(Path.Combine(second.Folder, "data.json"));
            Assert.Empty(RunComparison.DataNotices(store, runs));
        }
    }

    [Theory]
    [InlineData("trainer.steps=3")]
    [InlineData("data.split.validation=0.3")]
    [InlineData("model.width=3")]
    public void AnEvaluationChangesNeitherModelNorDivision(string change)
    {
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var run = runner.Train(Recipe.Parse("job: density\ntrainer: {steps: 2, batch_size: 8, device: cpu}\ndata: digits\n", "test.yaml",
            "test", BuiltInParts.Catalog).Resolve());
        Assert.Contains("judges the run as it was trained", Assert.Throws<ConfigException>(
            () => runner.Evaluate(run.RunId, overrides: [change])).Message, StringComparison.Ordinal);
        var judged = runner.Evaluate(run.RunId).Outcome.Metrics;
        Assert.Equal(judged, runner.Evaluate(run.RunId, overrides: ["trainer.device=cpu"]).Outcome.Metrics);
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
