using Cresset.Data;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// What a job takes from the world outside is opened and checked before a run is begun: a mistake leaves no failed run behind.
/// </summary>
public sealed class BeforeARunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-before-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> JobsWithData()
        => [.. BuiltInParts.Catalog.Of(Recipe.JobKind).Where(p => ((IJob)p.Create()).Sections.Any(s => s.Defaults is DataSource))
            .Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(JobsWithData))]
    public void AFolderWithoutPicturesLeavesNoRun(string job)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "photos"));
        var error = Assert.Throws<DataMismatchException>(
            () => Train($"job: {job}\ndata: {{kind: folder, path: {Path.Combine(_folder, "photos")}}}"));
        Assert.Contains(Path.Combine(_folder, "photos"), error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trainer.init_from=nowhere", "nowhere")]
    [InlineData("trainer.freeze=[feetures]", "trainer.freeze: the model has nothing called 'feetures'. Did you mean 'features'?")]
    [InlineData("trainer.batch_size=5000", "fewer than one batch of 5000")]
    [InlineData("trainer.device=cuda:99", "cuda:99")]
    public void WhatATrainerWouldRefuseLeavesNoRun(string setting, string message)
    {
        var error = Assert.ThrowsAny<Exception>(() => Train("job: digits-classifier", setting));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("regression", "trainer.recompute", "has no parts that can be computed again")]
    [InlineData("espcn", "trainer.recompute", "has no parts that can be computed again")]
    [InlineData("plane-flow", "trainer.recompute", "has no parts that can be computed again")]
    [InlineData("tokenizer", "trainer.recompute", "has no parts that can be computed again")]
    [InlineData("code-prior", "trainer.recompute", "has no parts that can be computed again")]
    [InlineData("code-prior", "tokenizer_trainer.recompute", "has no parts that can be computed again")]
    public void AJobThatCannotRecomputeLeavesNoRun(string job, string setting, string message)
    {
        var data = job == "regression" ? $"\ndata: {{kind: csv, path: {Numbers()}, target: y}}" : "";
        var error = Assert.Throws<ArgumentException>(() => Train($"job: {job}{data}", $"{setting}=true"));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    // The prior of a run of two stages is trained last, and looked at first.
    [Fact]
    public void WhatTheSecondStageWouldRefuseLeavesNoRun()
    {
        var error = Assert.Throws<ArgumentException>(() => Train("job: code-prior", "trainer.freeze=[hed]"));
        Assert.Contains("trainer.freeze: the model has nothing called 'hed'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunnerWithoutAStoreOpensItWhenARunBegins()
    {
        var (folder, opened) = (Path.Combine(_folder, "late"), 0);
        RunStore? store = null;
        var runner = new RecipeRunner(null, new RecipeCatalog())
        {
            OpenStore = () =>
            {
                opened++;
                return store ??= RunStore.Open(folder);
            }
        };
        ResolvedRecipe Digits(params string[] settings)
            => Recipe.Parse("job: digits-classifier", "my.yaml", "my", BuiltInParts.Catalog).Resolve([.. settings]);
        Assert.ThrowsAny<Exception>(() => runner.Train(Digits("trainer.batch_size=5000")));
        Assert.Contains("no run yet",
            Assert.Throws<FileNotFoundException>(() => runner.Train(Digits("trainer.init_from=other"))).Message, StringComparison.Ordinal);
        Assert.Equal((0, false), (opened, Directory.Exists(folder)));
        runner.Train(Digits("trainer.steps=2", "model.width=4", "trainer.batch_size=16"));
        Assert.Single(store!.List());
        store.Dispose();
    }

    private string Numbers()
    {
        var path = Path.Combine(_folder, "numbers.csv");
        File.WriteAllLines(path, ["x,y", .. Enumerable.Range(0, 200).Select(i => $"{i},{2 * i}")]);
        return path;
    }

    private void Train(string yaml, params string[] settings)
    {
        var store = Path.Combine(_folder, "runs");
        try
        {
            using var runs = RunStore.Open(store);
            new RecipeRunner(runs,
                new RecipeCatalog()).Train(Recipe.Parse(yaml, "my.yaml", "my", BuiltInParts.Catalog).Resolve([.. settings]));
        }
        finally
        {
            using var runs = RunStore.OpenReadOnly(store);
            Assert.Empty(runs.List());
            Assert.Empty(Directory.EnumerateFiles(store, "run.json", SearchOption.AllDirectories));
        }
    }
}
