using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Jobs on worlds of another assembly than Cresset's own.</summary>
public sealed class OwnWorldJobTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-own-world-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("dqn", "agent.learning_starts=50", "agent.batch_size=16")]
    [InlineData("actor-critic", "agent.rollout_steps=16", "training.environments=2")]
    [InlineData("pqn", "training.environments=2", "training.seed=3")]
    public void AWorldWithoutPicturesIsLearnedInAndHasNoFilm(string job, params string[] more)
    {
        using var store = RunStore.Open(_folder);
        var catalog = new RecipeCatalog(BuiltInParts.Catalog.With(typeof(BlindSource).Assembly));
        var recipe = Recipe.Parse(
            $"job: {job}\ntraining: {{environment: {{kind: blind-room, size: 3}}, steps: 256, evaluate_every: 0, evaluation_episodes: 2}}",
            "a test", "blind", catalog.Parts);
        var runner = new RecipeRunner(store, catalog);
        var result = runner.Train(recipe.Resolve(more));
        Assert.True(result.Outcome.Completed);
        Assert.DoesNotContain(result.Outcome.Pictures, p => p.EndsWith(".gif", StringComparison.Ordinal));
        Assert.Equal(result.Outcome.Metrics["best_policy_return"], runner.Evaluate(result.RunId).Outcome.Metrics["return"], 1e-9);
        Assert.Contains("has no picture",
            Assert.Throws<NotSupportedException>(() => runner.Sample(result.RunId, new SampleRequest(Count: 1))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void WhatDoesNotFitIsRefusedBeforeARunIsBegun()
    {
        using var store = RunStore.Open(_folder);
        var catalog = new RecipeCatalog(BuiltInParts.Catalog.With(typeof(BlindSource).Assembly));
        ResolvedRecipe Recipes(string yaml) => Recipe.Parse(yaml, "a test", "blind", catalog.Parts).Resolve();
        var runner = new RecipeRunner(store, catalog);
        Assert.Contains("Discrete",
            Assert.Throws<ArgumentException>(() => runner.Train(Recipes("job: sac\ntraining: {environment: blind-room}"))).Message,
            StringComparison.Ordinal);
        Assert.Contains("no known model",
            Assert.Throws<ArgumentException>(
                () => runner.Train(Recipes("job: rl-solve\nsolve: {environment: blind-room, algorithm: value-iteration}"))).Message,
                StringComparison.Ordinal);
        Assert.Contains("minibatches",
            Assert.Throws<ArgumentException>(
                () => runner.Train(Recipes("job: actor-critic\nagent: {minibatches: 7}\ntraining: {environment: blind-room}"))).Message,
                StringComparison.Ordinal);
        Assert.Empty(store.List());
    }

    /// <summary>Numbers that nobody draws: the sign of the one that is seen has to be named.</summary>
    private sealed class Blind(int size) : Environment<float, int>(new Box(-1, 1, 1), new Discrete(2))
    {
        private float _value;
        private int _turn;

        protected override void Begin() => (_value, _turn) = ((float)Random.Uniform(-1, 1), 0);

        protected override StepOutcome Advance(ReadOnlySpan<int> action)
        {
            var reward = action[0] == (_value > 0 ? 1 : 0) ? 1 : 0;
            _value = (float)Random.Uniform(-1, 1);
            return new StepOutcome(reward, ++_turn == size);
        }

        protected override void Observe(Span<float> observation) => observation[0] = _value;
    }

    [Part("blind-room")]
    internal sealed record BlindSource : EnvironmentSource
    {
        public int Size { get; init; } = 4;

        public override IEnvironment Make() => new Blind(Size);

        public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().AtLeast(Size, 1)];
    }
}
