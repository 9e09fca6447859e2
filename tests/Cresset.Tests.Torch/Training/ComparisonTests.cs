using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Torch.Training;

/// <summary>Recipes that compare settings of their own, swept.</summary>
public sealed class ComparisonTests : IDisposable
{
    private const string Text = """
        name: pair
        job: digits-classifier
        model: {channels: 2, hidden: 4}
        trainer: {steps: 3, batch_size: 8, evaluate_every: 0, checkpoint_every: 0}
        optimization: {warmup_steps: 0}
        compare:
          seeds: 2
          against: plain
          settings:
            plain: lr=1e-3
            search: optimizer=sgd lr=1e-1,1e38,1e-2
            braces: "optimizer={kind: lion, beta1: 0.8}"
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("comparison").FullName;
    private static readonly RecipeCatalog Catalog = new();

    public void Dispose() => Directory.Delete(_folder, true);

    private static Recipe Parsed(string text) => Recipe.Parse(text, "pair.yaml", "pair", BuiltInParts.Catalog);

    [Fact]
    public void AllValuesRunOnceAndTheBestOfEachSettingIsRepeated()
    {
        using var store = RunStore.Open(_folder);
        var rounds = new ComparisonRounds(Parsed(Text), [Sweep.Axis("trainer.threads=1")], 0, 0);
        Assert.Equal(2, rounds.Rounds);
        var first = rounds.Round(0, null);
        Assert.Equal(["plain", "search lr=1e-1", "search lr=1e38", "search lr=1e-2", "braces"], first.Select(run => run.Words));
        Assert.All(first, run => Assert.Equal("1", run.Recipe.Flatten()["trainer.threads"]));
        Assert.Equal("0.8", first[4].Recipe.Flatten()["optimization.optimizer.beta1"]);
        var sweep = new Sweep(store, Catalog, "pair");
        var rows = sweep.Run(first, cancellation: TestContext.Current.CancellationToken)!;
        // A value that makes the training fail costs no other.
        Assert.Contains("diverged", Assert.Single(rows[2].Failures), StringComparison.Ordinal);
        // The figure is an accuracy, and the recipe does not say that more is better: the lower one is taken.
        var headline = rows[1].Figures.Keys.First();
        var best = new[] { rows[1], rows[3] }.OrderBy(r => r.Figures[headline].Mean).First();
        var second = rounds.Round(1, rows);
        Assert.Equal(["plain", "plain", best.Words, best.Words, "braces", "braces"], second.Select(run => run.Words));
        Assert.Equal(["0", "1", "0", "1", "0", "1"], second.Select(run => run.Recipe.Flatten()["trainer.seed"]));
        var repeated = sweep.Run(second, cancellation: TestContext.Current.CancellationToken)!;
        // What the search ran is not run again.
        Assert.Equal(8, store.List(new RunQuery { Tag = sweep.Tag }).Count);
        Assert.Equal(rows[0].Runs[0], repeated[0].Runs[0]);
        var all = rounds.Gather(1, repeated, rounds.Gather(0, rows, []));
        Assert.Equal(5, all.Count);
        Assert.Equal(repeated.Select(r => r.Words), all.Take(3).Select(r => r.Words));
        Assert.True(sweep.StepMilliseconds(repeated[0]) > 0);
        Assert.StartsWith("\u0089PNG", System.Text.Encoding.Latin1.GetString(
            SweepChart.Comparison(repeated, headline, repeated[0], "pair")!.ToPng()), StringComparison.Ordinal);
    }

    [Fact]
    public void MoreIsBetterWhereTheRecipeSaysSo()
    {
        var rounds = new ComparisonRounds(Parsed(Text.Replace("seeds: 2", "seeds: 2\n  higher_is_better: true", StringComparison.Ordinal)),
            [], 0, 0);
        SweepRow Row(PlannedRun run, double value) =>
            new(run.Setting, ["a"], new Dictionary<string, (double, double)> { ["accuracy"] = (value, double.NaN) }) { Name = run.Name };
        var rows = rounds.Round(0, null).Select((run, i) => Row(run, i)).ToList();
        Assert.Contains("search lr=1e-2", rounds.Round(1, rows).Select(run => run.Words));
        Assert.DoesNotContain("search lr=1e-1", rounds.Round(1, rows).Select(run => run.Words));
    }

    // Sleep of Student's own paper (1908): ten patients, two drugs; the mean difference is 1.58 with t = 4.0621.
    [Fact]
    public void DifferencesAreThoseOfRunsWithTheSameSeed()
    {
        double[] one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        SweepRow Row(double[] values, int[] repetitions) => new([], [.. repetitions.Select(i => $"run {i}")],
            new Dictionary<string, (double, double)>())
        {
            Values = new Dictionary<string, IReadOnlyList<double>> { ["hours"] = values },
            Repetitions = repetitions,
        };
        int[] all = [.. Enumerable.Range(0, 10)];
        var (mean, half) = Row(two, all).DifferenceFrom(Row(one, all), "hours")!.Value;
        Assert.Equal(1.58, mean, 1e-12);
        Assert.Equal(1.58 / 4.062128 * StudentT.Quantile975(9), half, 1e-5);
        // A repetition that failed drops out of the pairs, wherever it stands.
        var fewer = Row([.. two.Where((_, i) => i != 3)], [.. all.Where(i => i != 3)]);
        Assert.Equal(two.Zip(one, (a, b) => a - b).Where((_, i) => i != 3).Average(),
            fewer.DifferenceFrom(Row(one, all), "hours")!.Value.Mean, 1e-12);
        Assert.Null(Row([1], [0]).DifferenceFrom(Row(one, all), "hours"));
        Assert.Null(Row(two, all).DifferenceFrom(Row(one, all), "minutes"));
    }

    [Theory]
    [InlineData("against: plain", "against: plane", "against is 'plane', which is the name of no setting: plain, search, braces")]
    [InlineData("plain: lr=1e-3", "plain: lr", "the setting 'plain' holds 'lr', which is not of the form key=value")]
    [InlineData("plain: lr=1e-3", "plain: [lr=1e-3]", "the setting 'plain' is not a text")]
    [InlineData("seeds: 2", "seeds: -2", "compare.seeds")]
    [InlineData("seeds: 2", "seed: 2", "unknown key 'compare.seed'. Did you mean 'seeds'?")]
    [InlineData("settings:", "setting:", "needs a map 'settings'")]
    public void WhatIsWrongInTheSectionIsSaidWithItsLine(string right, string wrong, string message)
    {
        var e = Assert.Throws<ConfigException>(() => Parsed(Text.Replace(right, wrong, StringComparison.Ordinal)));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.Contains("pair.yaml, line", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SettingsThatAreTheSameRunAreRefused()
    {
        var same = Parsed(Text.Replace("search: optimizer=sgd lr=1e-1,1e38,1e-2", "search: lr=0.001", StringComparison.Ordinal));
        Assert.Contains("are the same run",
            Assert.Throws<ConfigException>(() => new ComparisonRounds(same, [], 0, 0).Round(0, null)).Message, StringComparison.Ordinal);
        Assert.Contains("has several values",
            Assert.Throws<ArgumentException>(() => new ComparisonRounds(Parsed(Text), [Sweep.Axis("wd=0,0.1")], 0, 0)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ConfigException>(() => new ComparisonRounds(Parsed(Text), [Sweep.Axis("wd=-1")], 0, 0).Round(0, null));
        // The words stand in the recipe, not on the command line.
        var unknown = Parsed(Text.Replace("plain: lr=1e-3", "plain: rl=1e-3", StringComparison.Ordinal));
        Assert.StartsWith("pair.yaml, setting 'plain': unknown key 'rl'",
            Assert.Throws<ConfigException>(() => new ComparisonRounds(unknown, [], 0, 0).Round(0, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryRecipeThatComparesCanBePlanned()
    {
        var comparing = RecipeCatalog.Names.Select(Catalog.Find).Where(recipe => recipe.Comparison is not null).ToList();
        Assert.NotEmpty(comparing);
        Assert.All(comparing, recipe => Assert.True(new ComparisonRounds(recipe, [], 0, 0).Round(0, null).Count > 1));
    }
}
