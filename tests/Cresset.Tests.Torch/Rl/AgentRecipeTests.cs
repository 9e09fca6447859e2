using Cresset.Recipes;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Training;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

public sealed class AgentRecipeTests : IDisposable
{
    private static readonly RecipeCatalog Catalog = new();

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"agents-{Guid.NewGuid():N}");

    private static string[] Short =>
        ["agent.hidden=16", "training.steps=1500", "training.evaluate_every=400", "training.evaluation_episodes=5",
            "training.checkpoint_every=500", "agent.learning_starts=100"];

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void AStoppedRunGoesOnToTheSameEndAndIsPlayedAndEvaluated()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, Catalog);
        var recipe = Catalog.Find("rainbow-cartpole").Resolve(Short);
        var straight = runner.Train(recipe);
        using var source = new CancellationTokenSource();
        var stopped = runner.Train(recipe, progress: new StopAt(source, 700), cancellation: source.Token);
        Assert.False(stopped.Outcome.Completed);
        var resumed = runner.Resume(stopped.RunId);
        Assert.True(resumed.Outcome.Completed);
        Assert.Equal(straight.Outcome.Metrics, resumed.Outcome.Metrics);
        Assert.Equal(File.ReadAllBytes(Path.Combine(straight.Folder, "policy-final.safetensors")),
            File.ReadAllBytes(Path.Combine(resumed.Folder, "policy-final.safetensors")));
        Assert.Equal(2, resumed.Outcome.Pictures.Count);
        Assert.All(resumed.Outcome.Pictures, p => Assert.True(new FileInfo(p).Length > 1000));
        Assert.Equal("GIF89a"u8, File.ReadAllBytes(Path.Combine(resumed.Folder, "episode.gif")).AsSpan(0, 6));
        foreach (var tag in (string[])["episode/return", "train/loss", "train/action_gap", "eval/return"])
        {
            Assert.Equal(store.ReadSeries(straight.RunId, tag).Select(p => (p.Step, p.Value)),
                store.ReadSeries(resumed.RunId, tag).Select(p => (p.Step, p.Value)));
        }
        Assert.Equal(runner.Evaluate(straight.RunId).Outcome.Metrics["return"], straight.Outcome.Metrics["best_policy_return"]);
        var episode = runner.Play(straight.RunId, 3)!.ToList();
        Assert.Equal(episode.Count - 1, episode.Sum(s => s.Reward));
        Assert.Single(runner.Sample(straight.RunId, new SampleRequest(Seed: 1)).Outcome.Pictures);
    }

    [Theory]
    [InlineData("dqn-cartpole", "training.environment=Taxi-v4", "wanted are observations of numbers (float) and actions of choices (int)")]
    [InlineData("pqn-cartpole", "training.environment=Pendulum-v1",
        "wanted are observations of numbers (float) and actions of choices (int)")]
    [InlineData("pqn-cartpole", "agent.minibatches=7", "do not divide")]
    public void EnvironmentsThatDoNotFitAreNamed(string name, string change, string message)
    {
        using var store = RunStore.Open(_folder);
        var error = Assert.Throws<ArgumentException>(() => new RecipeRunner(store, Catalog).Train(Catalog.Find(name).Resolve([change])));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("agent.gamma=1.2", "agent.gamma is 1.2; allowed: [0, 1]")]
    [InlineData("agent.replay.capacity=10", "agent.batch_size is 64; allowed: at most replay.capacity (10)")]
    [InlineData("agent.exploration=linear(1)", "agent.exploration")]
    [InlineData("agent.values=quantil", "agent.values is 'quantil'; allowed: mean, categorical, quantile, implicit")]
    [InlineData("training.environment=CartPol", "unknown environment 'CartPol'. Did you mean 'cartpole-v0'?")]
    public void WrongSettingsAreRefused(string change, string message)
        => Assert.Contains(message, Assert.Throws<ConfigException>(() => Catalog.Find("dqn-cartpole").Resolve([change])).Message,
            StringComparison.Ordinal);

    [Fact]
    public void SchedulesAreWrittenAsFormulas()
    {
        var recipe = Catalog.Find("dqn-cartpole").Resolve(["agent.learning_rate=linear(1e-3, 0, 50000)"]);
        var options = (DqnOptions)recipe.Options["agent"];
        Assert.Equal(5e-4, options.LearningRate.At(25_000), 1e-12);
        Assert.Equal(0.04, options.Exploration.At(8000), 1e-12);
        Assert.Contains("learning_rate: linear(0.001, 0, 50000)", recipe.ToYaml(), StringComparison.Ordinal);
    }

    [Fact]
    public void TheRecipeOfRlZooIsThePreset()
    {
        var options = (DqnOptions)Catalog.Find("dqn-cartpole").Resolve().Options["agent"];
        Assert.Equal([256, 256], options.Hidden);
        Assert.Equal(DqnOptions.ZooCartPole with { Hidden = [] }, options with { Hidden = [] });
    }

    private sealed class StopAt(CancellationTokenSource source, int step) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is EvaluationReport evaluation && evaluation.Step >= step) source.Cancel();
        }
    }
}
