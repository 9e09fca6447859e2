using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

/// <summary>Warm starts, frozen parts, the best model, finders, dry runs and sweeps.</summary>
public sealed class SteeringTests : IDisposable
{
    private static readonly RecipeCatalog Catalog = new();
    private static readonly string[] Small = ["trainer.steps=6", "trainer.evaluate_every=2", "trainer.checkpoint_every=6",
        "trainer.threads=1", "trainer.batch_size=16", "model.width=4", "model.hidden=8"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-steering-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TheModelFileAndTheFiguresOfARunAreThoseOfItsBestCheckpoint()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        // A rate this high makes later models worse than earlier ones.
        foreach (var seed in Enumerable.Range(0, 3))
        {
            var result = runner.Train(Catalog.Find("digits-classifier").Resolve([.. Small, "trainer.steps=16", "lr=0.1", $"seed={seed}"]));
            var headline = result.Outcome.Metrics.First();
            var best = store.ReadSeries(result.RunId, "eval/" + headline.Key).Max(p => p.Value);
            Assert.Equal(best, headline.Value, 1e-6);
            Assert.Equal(result.Outcome.Metrics, runner.Evaluate(result.RunId).Outcome.Metrics);
            var step = store.ReadSeries(result.RunId, "eval/" + headline.Key).First(p => p.Value == best).Step;
            using var checkpoint = SafetensorsFile.Open(Path.Combine(result.Folder, "checkpoints", $"step-{step:00000000}.safetensors"));
            using var model = SafetensorsFile.Open(Path.Combine(result.Folder, "model.safetensors"));
            using var scope = NewDisposeScope();
            // What is used is the average of the parameters; buffers have none.
            foreach (var key in model.Entries.Keys)
                Assert.True(Same(model, key, checkpoint, (checkpoint.Entries.ContainsKey("average/" + key) ? "average/" : "model/") + key),
                    $"{key} is not that of step {step}");
        }
    }

    [Fact]
    public void ARunBeginsWithAnothersWeightsAndFrozenPartsStay()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        var first = runner.Train(Catalog.Find("digits-classifier").Resolve(Small));
        foreach (var from in new[] { first.RunId, first.Folder, Path.Combine(first.Folder, "model.safetensors") })
        {
            var second = runner.Train(Catalog.Find("digits-classifier")
                .Resolve([.. Small, $"trainer.init_from={from}", "trainer.freeze=[features.0, head]", "trainer.keep_best=false"]));
            using var before = SafetensorsFile.Open(Path.Combine(first.Folder, "model.safetensors"));
            using var after = SafetensorsFile.Open(Path.Combine(second.Folder, "model.safetensors"));
            using var scope = NewDisposeScope();
            Assert.True(Same(before, "features.0.weight", after, "features.0.weight"));
            Assert.True(Same(before, "head.1.weight", after, "head.1.weight"));
            Assert.False(Same(before, "features.3.weight", after, "features.3.weight"));
        }
        // Part of the keys, from a model that is wider elsewhere.
        var wider = runner.Train(Catalog.Find("digits-classifier")
            .Resolve([.. Small, "model.hidden=12", $"trainer.init_from={first.RunId}", "trainer.init_keys=[features]"]));
        Assert.True(wider.Outcome.Completed);
        Assert.Contains("trainer.init_keys", Error($"trainer.init_from={first.RunId}", "model.hidden=12", "trainer.init_keys=[feature]"),
            StringComparison.Ordinal);
        Assert.Contains("head", Error($"trainer.init_from={first.RunId}", "model.hidden=12"), StringComparison.Ordinal);
        Assert.Contains("Did you mean 'features'", Error("trainer.freeze=[fetures]"), StringComparison.Ordinal);
        Assert.Contains("nothing would be left to learn", Error("trainer.freeze=[features, head]"), StringComparison.Ordinal);
        Assert.Contains("nowhere", Error("trainer.init_from=nowhere"), StringComparison.Ordinal);

        string Error(params string[] more) =>
            Assert.ThrowsAny<Exception>(() => runner.Train(Catalog.Find("digits-classifier").Resolve([.. Small, .. more]))).Message;
    }

    private static bool Same(SafetensorsFile first, string key, SafetensorsFile second, string other) =>
        first.Map(key).contiguous().bytes.SequenceEqual(second.Map(other).contiguous().bytes);

    [Fact]
    public void TheRateFinderFindsTheRangeInWhichTheLossFalls()
    {
        Seeding.Apply(1);
        using var task = new LineTask();
        var range = RateFinder.Run(task, new TrainerOptions { BatchSize = 32 },
            new OptimizationOptions { Optimizer = new SgdRule { LearningRate = 1 } }, 1e-5, 100, 80, TestContext.Current.CancellationToken);
        Assert.InRange(range.Suggestion, 1e-3, 1);
        Assert.Equal(1e-5, range.Points[0].Rate, 1e-9);
        var factor = Math.Pow(1e7, 1.0 / 79);
        Assert.All(range.Points.Zip(range.Points.Skip(1)), p => Assert.Equal(factor, p.Second.Rate / p.First.Rate, 1e-6));
        // It ends where the loss explodes, far below 100.
        Assert.True(range.Points.Count < 79);
    }

    [Fact]
    public void TheBatchFinderStopsAtTheEndOfTheData()
    {
        var trials = BatchFinder.Run(() => new LineTask(), new TrainerOptions(), new OptimizationOptions(),
            cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(8, trials[0].BatchSize);
        Assert.All(trials, t => Assert.True(t.BatchSize <= 96 && t.ExamplesPerSecond > 0 && t.MemoryBytes > 0));
        Assert.Contains(BatchFinder.Best(trials), trials);
        Assert.Single(
            BatchFinder.Run(() => new LineTask(), new TrainerOptions(), new OptimizationOptions(), memory: 1,
                cancellation: TestContext.Current.CancellationToken).Skip(1));
    }

    [Fact]
    public void ADryRunTriesEverythingAndKeepsNothing()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        var report = runner.DryRun(Catalog.Find("digits-classifier").Resolve(Small));
        Assert.True(report.SecondsPerStep > 0 && report.Expected > TimeSpan.Zero && report.CheckpointBytes > 1000);
        Assert.Empty(store.List());
        Assert.Contains("is a study",
            Assert.Throws<NotSupportedException>(() => runner.DryRun(Catalog.Find("walk19-nstep").Resolve())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ASweepRunsEverySettingOnceAndGoesOnWhereItStopped()
    {
        using var store = RunStore.Open(_folder);
        var recipe = Catalog.Find("digits-classifier");
        var plan = Sweep.Plan(recipe, [.. Small.Append("lr=1e-3,3e-3").Select(Sweep.Axis)], seeds: 2, folds: 0);
        Assert.Equal(4, plan.Count);
        var sweep = new Sweep(store, Catalog, "rates");
        using var source = new CancellationTokenSource();
        Assert.Null(sweep.Run(plan, (number, _, _, _) => { if (number == 2) source.Cancel(); }, null, source.Token));
        var rows = sweep.Run(plan, cancellation: TestContext.Current.CancellationToken)!;
        Assert.Equal(["lr=1e-3", "lr=3e-3"], rows.Select(r => Assert.Single(r.Overrides)));
        Assert.All(rows, r => Assert.Equal(2, r.Runs.Count));
        Assert.Equal(4, store.List(new RunQuery { Tag = sweep.Tag }).Count);
        var first = rows[0].Runs.Select(id => store.Get(id).Summary.First().Value).ToArray();
        Assert.Equal((first[0] + first[1]) / 2, rows[0].Figures.First().Value.Mean, 1e-12);
        Assert.Equal(Math.Abs(first[0] - first[1]) / Math.Sqrt(2), rows[0].Figures.First().Value.Deviation, 1e-12);
        Assert.Equal(12.706205 * rows[0].Figures.First().Value.Deviation / Math.Sqrt(2), rows[0].HalfWidth(rows[0].Figures.Keys.First()),
            1e-12);
        // Nothing is run twice.
        Assert.Equal(rows.SelectMany(r => r.Runs),
            sweep.Run(plan, cancellation: TestContext.Current.CancellationToken)!.SelectMany(r => r.Runs));
        Assert.Throws<ConfigException>(() => Sweep.Plan(recipe, [Sweep.Axis("trainer.steps=5,-5")], 0, 0));
        // Two names for one run would be two rows of the same numbers.
        Assert.Throws<ConfigException>(() => Sweep.Plan(recipe, [Sweep.Axis("lr=1e-3,3e-3"), Sweep.Axis("lr=2e-3")], 0, 0));
        Assert.Throws<ConfigException>(() => Sweep.Plan(recipe, [Sweep.Axis("lr=1e-3,0.001")], 0, 0));
        Assert.Throws<ConfigException>(() => Sweep.Plan(recipe, [Sweep.Axis("trainer.seed=7")], seeds: 2, folds: 0));
        Assert.Equal(2, Sweep.Plan(recipe, [Sweep.Axis("trainer.seed=7")], seeds: 0, folds: 2).Count);
        // A random search draws the same settings every time, from among those of the grid.
        SweepAxis[] axes = [Sweep.Axis("lr=log:1e-4..1e-2:6"), Sweep.Axis("seed=1,2,3")];
        var drawn = Sweep.Plan(recipe, axes, 0, 0, budget: 5).Select(c => string.Join(' ', c.Setting)).ToList();
        Assert.Equal(5, drawn.Distinct().Count());
        Assert.Equal(drawn, Sweep.Plan(recipe, axes, 0, 0, budget: 5).Select(c => string.Join(' ', c.Setting)));
        Assert.Subset(Sweep.Plan(recipe, axes, 0, 0).Select(c => string.Join(' ', c.Setting)).ToHashSet(), drawn.ToHashSet());
        Assert.StartsWith("\u0089PNG", System.Text.Encoding.Latin1.GetString(SweepChart.Coordinates(rows, "rates")!.ToPng()),
            StringComparison.Ordinal);
    }

    [Fact]
    public void ACellThatDivergesIsNotedAndTheOthersGoOn()
    {
        using var store = RunStore.Open(_folder);
        var recipe = Catalog.Find("digits-classifier");
        var plan = Sweep.Plan(recipe, [.. Small.Append("lr=1e-3,1e38,3e-3").Append("optimization.warmup_steps=0").Select(Sweep.Axis)],
            seeds: 0, folds: 0);
        var sweep = new Sweep(store, Catalog, "rates");
        var rows = sweep.Run(plan, cancellation: TestContext.Current.CancellationToken)!;
        Assert.Equal([0, 1, 0], rows.Select(r => r.Failures.Count));
        Assert.Equal([1, 0, 1], rows.Select(r => r.Runs.Count));
        Assert.Empty(rows[1].Figures);
        Assert.Contains("diverged", rows[1].Failures[0], StringComparison.Ordinal);
        Assert.Equal(rows[1].Failures[0], sweep.FailureOf(plan[1].Recipe));
        // Settings without a figure are in no picture.
        Assert.NotNull(SweepChart.Coordinates(rows, "rates"));
        Assert.Null(SweepChart.Coordinates([rows[0], rows[1]], "rates"));
        // A cell whose batch does not fit is no reason to leave out the others either; a run that is not there is.
        rows = sweep.Run(Sweep.Plan(recipe, [.. Small.Append("trainer.batch_size=5000,32").Select(Sweep.Axis)], 0, 0),
            cancellation: TestContext.Current.CancellationToken)!;
        Assert.Contains("fewer than one batch of 5000", Assert.Single(rows[0].Failures), StringComparison.Ordinal);
        Assert.Empty(rows[1].Failures);
        Assert.Throws<RunNotFoundException>(() => sweep.Run(Sweep.Plan(recipe, [Sweep.Axis("trainer.init_from=nowhere")], 0, 0)));
        // Halving leaves settings behind of which a run failed, however good the others were.
        SweepAxis[] axes = [Sweep.Axis("trainer.steps=90"), Sweep.Axis("lr=1e-3,2e-3,3e-3")];
        var halving = new Halving(recipe, axes, 2, 0, 0, new HalvingOptions());
        var first = Sweep.Rows(
            halving.Round(0, null),
            new[] { 0, 1, 3, 4, 5 }.ToDictionary(i => i, i => new SweepCell($"run {i}", new Dictionary<string, double> { ["loss"] = i })),
            new Dictionary<int, string> { [2] = "the loss is NaN" })!;
        Assert.Equal(["lr=1e-3"], halving.Round(1, first).Select(cell => Assert.Single(cell.Setting)).Distinct());
        first = [.. first.Select(row => row with { Failures = ["the loss is NaN"] })];
        Assert.Empty(halving.Round(1, first));
        Assert.Null(
            Sweep.Rows(halving.Round(0, null), new Dictionary<int, SweepCell>(), new Dictionary<int, string> { [2] = "the loss is NaN" }));
    }

    [Fact]
    public void SeedsAndFoldsMayStandAmongTheSettings()
    {
        var recipe = Catalog.Find("digits-classifier");
        SweepAxis[] axes = [Sweep.Axis("lr=1e-3,2e-3"), Sweep.Axis("seeds=3"), Sweep.Axis("folds=2")];
        var (left, seeds, folds) = Sweep.Repetitions(recipe, axes, 0, 0);
        Assert.Equal(("lr", 3, 2), (Assert.Single(left).Key, seeds, folds));
        Assert.Equal(12, Sweep.Plan(recipe, left, seeds, folds).Count);
        Assert.Equal((0, 4), Sweep.Repetitions(recipe, [axes[0]], 0, 4) is var (_, s, f) ? (s, f) : default);
        // A study has seeds of its own: there it stays a setting.
        Assert.Equal((2, 0), Sweep.Repetitions(Catalog.Find("activation-study"), [Sweep.Axis("seeds=1,2"), axes[0]], 0, 0)
            is var (own, none, _) ? (own.Count, none) : default);
        foreach (var wrong in (string[])["seeds=1,2", "seeds=many", "folds=0", "folds=-2"])
            Assert.Contains(wrong[..5], Assert.Throws<ArgumentException>(() =>
                Sweep.Repetitions(recipe, [Sweep.Axis(wrong)], 0, 0)).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => Sweep.Repetitions(recipe, axes, 5, 0)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void HalvingGivesTheBestSettingsMore()
    {
        var recipe = Catalog.Find("digits-classifier");
        SweepAxis[] axes = [Sweep.Axis("trainer.steps=90"), Sweep.Axis("lr=log:1e-4..1e-2:5"), Sweep.Axis("wd=0,0.1")];
        var halving = new Halving(recipe, axes, seeds: 2, folds: 0, budget: 0, new HalvingOptions { Figure = "loss" });
        Assert.Equal([10, 30, 90], Enumerable.Range(0, halving.Rounds).Select(halving.Amount));
        // The larger the rate and the smaller the decay, the lower this loss.
        IReadOnlyList<SweepRow> Rows(int round, IReadOnlyList<SweepRow>? before)
        {
            var plan = halving.Round(round, before);
            Assert.All(plan, cell => Assert.Equal($"{halving.Amount(round)}", cell.Recipe.Flatten()["trainer.steps"]));
            return [.. plan.Where((_, i) => i % 2 == 0)
                .Select(cell => new SweepRow(cell.Setting, ["a", "b"], new Dictionary<string, (double, double)>
            {
                ["accuracy"] = (0, 0),
                ["loss"] =
                    (double.Parse(cell.Setting[1][3..], System.Globalization.CultureInfo.InvariantCulture)
                        - double.Parse(cell.Setting[0][3..], System.Globalization.CultureInfo.InvariantCulture), 0),
            }))];
        }
        var first = Rows(0, null);
        Assert.Equal(10, first.Count);
        var second = Rows(1, first);
        Assert.Equal(["lr=0.001 wd=0", "lr=0.00316227766 wd=0", "lr=0.01 wd=0"], second.Select(r => string.Join(' ', r.Overrides)));
        Assert.Equal("lr=0.01 wd=0", string.Join(' ', Assert.Single(Rows(2, second)).Overrides));
        Assert.Contains("no figure 'los'. Did you mean 'loss'?",
            Assert.Throws<ArgumentException>(
                () => new Halving(recipe, axes, 0, 0, 0, new HalvingOptions { Figure = "los" }).Round(1, first)).Message,
                StringComparison.Ordinal);
        Assert.Contains("Did you mean 'trainer.steps'?",
            Assert.Throws<ArgumentException>(
                () => new Halving(recipe, axes, 0, 0, 0, new HalvingOptions { Resource = "trainer.step" })).Message,
                StringComparison.Ordinal);
        Assert.Contains("There are 2 settings",
            Assert.Throws<ArgumentException>(() => new Halving(recipe, [axes[2]], 0, 0, 0, new HalvingOptions())).Message,
            StringComparison.Ordinal);
        Assert.Equal((1.98397, 2.570582),
            (Math.Round(Cresset.Numerics.StudentT.Quantile975(100), 5), Cresset.Numerics.StudentT.Quantile975(5)));
    }

    [Theory]
    [InlineData("a=1,2", "a", "1|2")]
    [InlineData("a=[1, 2],[3]", "a", "[1, 2]|[3]")]
    [InlineData("a={kind: lion, beta1: 0.9},adamw", "a", "{kind: lion, beta1: 0.9}|adamw")]
    [InlineData("a=\"x,y\",z", "a", "\"x,y\"|z")]
    [InlineData("lr=log:1e-4..1e-2:3", "lr", "0.0001|0.001|0.01")]
    [InlineData("a=lin:0..1:5,7", "a", "0|0.25|0.5|0.75|1|7")]
    public void AxesAreSplitAtTheirOwnCommas(string text, string key, string values)
    {
        var axis = Sweep.Axis(text);
        Assert.Equal((key, values), (axis.Key, string.Join('|', axis.Values)));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("=1")]
    [InlineData("a=")]
    [InlineData("a=1,,2")]
    [InlineData("a=1,1")]
    [InlineData("a=log:0..1:3")]
    [InlineData("a=lin:0..1:1")]
    [InlineData("a=lin:0,1:3")]
    public void WrongAxesAreRefused(string text) => Assert.Throws<ArgumentException>(() => Sweep.Axis(text));
}
