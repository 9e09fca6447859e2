using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Samples.Worlds;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Worlds of one's own under deep agents: masks, running moments, thresholds, limits, states of another shape.</summary>
[LeakFree]
public sealed class OwnWorldAgentTests
{
    public static TheoryData<string> Kinds =>
        ["dqn", "dqn-torch", "rainbow", "munchausen", "iqn", "pqn", "sac-discrete", "ppo", "a2c", "reinforce"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryAgentKeepsToTheMask(string kind)
    {
        using var agent = Shopkeeper(kind, 1);
        while (agent.Step < 300) agent.Advance();
        var score = EpisodeEvaluation.Run(agent, Shop, 5, 3);
        Assert.Equal([30, 30, 30, 30, 30], score.Lengths);
        Assert.Contains("5 entries of masks were given",
            Assert.Throws<ArgumentException>(() => agent.Act(new float[11], 1, new int[1], new bool[5])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dqn", 15_000)]
    [InlineData("sac-discrete", 8_000)]
    [InlineData("ppo", 40_000)]
    public void TheMaskedShopIsRunWell(string kind, int steps)
    {
        using var agent = Shopkeeper(kind, 2);
        while (agent.Step < steps) agent.Advance();
        var rule = Enumerable.Range(0, 11).Select(s => s < 2 ? 5 - s : 0).ToArray();
        var good = TabularControl.Evaluate(new TimeLimit<int, int>(new Inventory(), 30), rule, 300, 9);
        var score = EpisodeEvaluation.Run(agent, Shop, 100, 9).Mean;
        Assert.True(score > good - 12, $"{kind}: {score}, a good rule {good}");
    }

    [Fact]
    public void NormalizedObservationsAreJudgedWithTheMomentsOfTraining()
    {
        IEnvironment<float, int> Make() => new NormalizeObservation<int>(new TimeLimit<float, int>(new Thermostat(), 48));
        using var agent = new ActorCriticAgent<int>(new SyncVectorEnvironment<float, int>(2, Make, AutoresetMode.SameStep),
            new() { RolloutSteps = 64, Minibatches = 4 }, 1);
        while (agent.Step < 20_000) agent.Advance();
        var frozen = EpisodeEvaluation.Run(agent, Make, 20, 9);
        var moments = agent.Moments[0];
        var count = moments.Count;
        // The same policy with the moments set by hand.
        IEnvironment<float, int> ByHand() =>
            new NormalizeObservation<int>(new TimeLimit<float, int>(new Thermostat(), 48))
            {
                Moments = moments.Clone(),
                IsUpdating = false
            };
        Assert.Equal(EpisodeEvaluation.Run(agent, ByHand, 20, 9).Returns, frozen.Returns);
        Assert.Equal(count, agent.Moments[0].Count);
        Assert.True(frozen.Mean > -250, $"{frozen.Mean}");
        Assert.Throws<ArgumentException>(() => EpisodeEvaluation.Run(agent, () => new TimeLimit<float, int>(new Thermostat(), 48), 1, 1));

        // The moments travel with the policy.
        using var policy = new Snapshot();
        agent.SavePolicy(policy);
        using var other = new ActorCriticAgent<int>(new SyncVectorEnvironment<float, int>(1, Make, AutoresetMode.SameStep),
            new() { RolloutSteps = 64, Minibatches = 4 }, 7);
        other.LoadPolicy(policy);
        Assert.Equal(frozen.Returns, EpisodeEvaluation.Run(other, Make, 20, 9).Returns);
        using var plain = new ActorCriticAgent<int>(
            new SyncVectorEnvironment<float, int>(1, () => new TimeLimit<float, int>(new Thermostat(), 48), AutoresetMode.SameStep),
            new() { RolloutSteps = 64, Minibatches = 4 }, 7);
        Assert.Contains("1 sets of running moments", Assert.Throws<InvalidDataException>(() => plain.LoadPolicy(policy)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ReturnsAreCountedInTheTasksOwnUnits()
    {
        IEnvironment<float, int> Make() => new NormalizeReward<float, int>(new TimeLimit<float, int>(new Thermostat(), 10));
        using var agent = new DqnAgent(new SyncVectorEnvironment<float, int>(1, Make, AutoresetMode.SameStep),
            new() { LearningStarts = 5000 }, 1);
        while (agent.Episodes.Count < 20) agent.Advance();
        var lived = agent.Episodes.Drain().Average(e => e.Return);
        Assert.Equal(10, agent.Episodes.MeanLength);
        // Rewards near -5 per step; normalized they are near -1.
        Assert.True(lived < -30, $"{lived}");
        Assert.True(EpisodeEvaluation.Run(agent, Make, 5, 1).Mean < -15);
    }

    [Fact]
    public void AnOwnWorldHasItsOwnThresholdAndItsEvaluationsEnd()
    {
        using var agent = new DqnAgent(new SyncVectorEnvironment<float, int>(1, () => new Thermostat(), AutoresetMode.SameStep),
            new() { LearningStarts = 5000 }, 1);
        var loop = new AgentLoop(agent, () => new Thermostat(), new AgentLoopOptions { Steps = 50, EvaluationEpisodes = 2 },
            NullRunRecorder.Instance);
        Assert.Equal(-60, loop.SolvedAt);
        Assert.True(loop.Run());
        using var endless = new DqnAgent(new SyncVectorEnvironment<float, int>(1, () => new Endless(), AutoresetMode.SameStep),
            new() { LearningStarts = 5000 }, 1);
        Assert.True(
            double.IsNaN(
                new AgentLoop(endless, () => new Endless(), new AgentLoopOptions { Steps = 1 }, NullRunRecorder.Instance).SolvedAt));
        var score = EpisodeEvaluation.Run(endless, () => new Endless(), 2, 1, maxSteps: 25);
        Assert.Equal((2, 25, 25.0), (score.Cut, score.Lengths[0], score.Mean));
        Assert.Equal(10_000, EpisodeEvaluation.Run(endless, () => new Endless(), 1, 1).Lengths[0]);
    }

    [Fact]
    public void AnEvaluationCanBeCancelledAndIsMadeUpFor()
    {
        using var stop = new CancellationTokenSource();
        AgentLoopOptions options = new() { Steps = 40, EvaluateEvery = 20, EvaluationEpisodes = 3 };
        AgentLoop Loop(ILearner agent, Action onEvaluation) => new(
            agent,
            (episodes, seed, token) =>
            {
                onEvaluation();
                return EpisodeEvaluation.Run((IAgent<int>)agent, () => new Thermostat(), episodes, seed, null, token);
            },
            options,
            NullRunRecorder.Instance);
        DqnAgent Agent() =>
            new(new SyncVectorEnvironment<float, int>(1, () => new Thermostat(), AutoresetMode.SameStep), new() { LearningStarts = 5000 },
                1);
        using var straight = Agent();
        var undisturbed = Loop(straight, () => { });
        Assert.True(undisturbed.Run());
        using var cut = Agent();
        var first = Loop(cut, stop.Cancel);
        Assert.False(first.Run(null, stop.Token));
        Assert.Empty(first.Evaluations);
        using var state = new Snapshot();
        cut.Save(state);
        first.Save(state);
        using var resumed = Agent();
        resumed.Load(state);
        var second = Loop(resumed, () => { });
        second.Load(state);
        Assert.True(second.Run());
        Assert.Equal(undisturbed.Evaluations, second.Evaluations);
    }

    [Fact]
    public void AStateOfAnotherShapeIsRefusedAndNothingIsTouched()
    {
        DqnAgent Agent(int copies, double gamma, int steps) => new(
            new SyncVectorEnvironment<float, int>(copies, () => new TimeLimit<float, int>(new Thermostat(), 9), AutoresetMode.SameStep),
            new() { Hidden = [8], Gamma = gamma, LearningStarts = 10, BatchSize = 8, Replay = new() { Capacity = 100, NStep = steps } },
            5);
        using var two = Agent(2, 0.9, 1);
        while (two.Step < 60) two.Advance();
        using var state = new Snapshot();
        two.Save(state);
        foreach (var (copies, gamma, steps, word) in ((int, double, int, string)[])[(1, 0.9, 1, "copies 2"), (2, 0.8, 1, "gamma 0.9"),
            (2, 0.9, 3, "replay.n_step 1")])
        {
            using var other = Agent(copies, gamma, steps);
            while (other.Step < 30) other.Advance();
            using var before = new Snapshot();
            other.Save(before);
            Assert.Contains(word, Assert.Throws<InvalidDataException>(() => other.Load(state)).Message, StringComparison.Ordinal);
            using var after = new Snapshot();
            other.Save(after);
            Same(before, after);
        }
        // Without the identity the sizes of the contents decide, and what was begun is taken back.
        using var old = new Snapshot();
        foreach (var (key, tensor) in state.Tensors) old.Put(key, tensor);
        foreach (var (key, text) in state.Texts.Where(t => !t.Key.StartsWith("agent/identity", StringComparison.Ordinal)))
            old.Put(key, text);
        using var single = Agent(1, 0.9, 1);
        while (single.Step < 30) single.Advance();
        using var untouched = new Snapshot();
        single.Save(untouched);
        Assert.Throws<InvalidDataException>(() => single.Load(old));
        using var still = new Snapshot();
        single.Save(still);
        Same(untouched, still);
    }

    [Fact]
    public void ChoicesThatStartElsewhereAndSeveralAtOnceAreLearned()
    {
        using var shifted = new DqnAgent(
            new SyncVectorEnvironment<float, int>(1, () => new Guess(new Discrete(3, 5)), AutoresetMode.SameStep),
            new()
            {
                Hidden = [16],
                LearningStarts = 50,
                LearningRate = StepSizeRule.Constant(1e-2),
                TargetEvery = 50,
                Exploration = StepSizeRule.Constant(0.3)
            }, 1);
        while (shifted.Step < 1500) shifted.Advance();
        Assert.Equal(1, EpisodeEvaluation.Run(shifted, () => new Guess(new Discrete(3, 5)), 20, 1).Mean);
        using var several = new ActorCriticAgent<int>(
            new SyncVectorEnvironment<float, int>(4, () => new Guess(new MultiDiscrete([3, 2], [5, -1])), AutoresetMode.SameStep),
            new() { Hidden = [16], RolloutSteps = 32, LearningRate = StepSizeRule.Constant(1e-2) }, 1);
        while (several.Step < 6000) several.Advance();
        Assert.Equal(1, EpisodeEvaluation.Run(several, () => new Guess(new MultiDiscrete([3, 2], [5, -1])), 20, 1).Mean);
        using var bits = new ActorCriticAgent<sbyte>(new SyncVectorEnvironment<float, sbyte>(4, () => new Bits(), AutoresetMode.SameStep),
            new() { Hidden = [16], RolloutSteps = 32, LearningRate = StepSizeRule.Constant(1e-2) }, 1);
        while (bits.Step < 6000) bits.Advance();
        Assert.Equal(1, EpisodeEvaluation.Run(bits, () => new Bits(), 20, 1).Mean);
    }

    [Fact]
    public void EpisodesThatNobodyAsksForDoNotPileUp()
    {
        var tracker = new EpisodeTracker(1);
        for (var i = 0; i < EpisodeTracker.Kept + 10; i++) tracker.Add(0, i, 1, true);
        Assert.Equal(EpisodeTracker.Kept + 10, tracker.Count);
        Assert.Equal(EpisodeTracker.Kept, tracker.Drain().Count);
    }

    internal static void Same(Snapshot a, Snapshot b)
    {
        Assert.Equal(a.Texts.OrderBy(t => t.Key), b.Texts.OrderBy(t => t.Key));
        Assert.Equal(a.Tensors.Keys.Order(), b.Tensors.Keys.Order());
        foreach (var (key, tensor) in a.Tensors) Assert.True(tensor.bytes.SequenceEqual(b.Tensors[key].bytes), key);
    }

    internal static IEnvironment<float, int> Shop() => new FlattenObservation<int>(new TimeLimit<int, int>(new Inventory(), 30));

    private static IAgent<int> Shopkeeper(string kind, ulong seed)
    {
        SyncVectorEnvironment<float, int> Copies(int count) => new(count, Shop, AutoresetMode.SameStep);
        DqnOptions dqn = new()
        {
            Hidden = [32],
            LearningStarts = 200,
            BatchSize = 32,
            TrainEvery = 2,
            TargetEvery = 200,
            LearningRate = StepSizeRule.Constant(2e-3),
            Gamma = 0.9,
            Exploration = StepSizeRule.Linear(1, 0.05, 5000)
        };
        return kind switch
        {
            "dqn" => new DqnAgent(Copies(1), dqn, seed),
            "dqn-torch" => new DqnAgent(Copies(2), dqn with { Backend = NetworkBackend.Torch, Double = true }, seed),
            "rainbow" => new DqnAgent(Copies(1), DqnOptions.Rainbow with { Hidden = [16], LearningStarts = 100, BatchSize = 16 }, seed),
            "munchausen" => new DqnAgent(Copies(1), dqn with { Munchausen = true }, seed),
            "iqn" =>
                new DqnAgent(Copies(1), dqn with { Values = ValueKind.Implicit, Atoms = 8, BatchSize = 8, LearningStarts = 280 }, seed),
            "pqn" => new PqnAgent(Copies(2), new() { Hidden = [16], RolloutSteps = 16 }, seed),
            "sac-discrete" => new DiscreteSacAgent(Copies(1), new()
            {
                Hidden = [32],
                LearningStarts = 200,
                BatchSize = 32,
                TrainEvery = 2,
                LearningRate = dqn.LearningRate,
                TargetShare = 0.02,
                Gamma = 0.9,
                TargetEntropyShare = 0.2,
                Replay = new() { Capacity = 20_000 },
            }, seed),
            "ppo" =>
                new ActorCriticAgent<int>(Copies(4),
                    new() { Hidden = [32], RolloutSteps = 64, Gamma = 0.9, LearningRate = StepSizeRule.Constant(2e-3) }, seed),
            "a2c" => new ActorCriticAgent<int>(Copies(2), ActorCriticOptions.A2c with { Hidden = [16] }, seed),
            _ => new ReinforceAgent<int>(Copies(2), new() { Hidden = [16] }, seed),
        };
    }

    private sealed class Endless() : Environment<float, int>(new Box(0, 1, 1), new Discrete(2))
    {
        protected override void Begin()
        {
        }

        protected override StepOutcome Advance(ReadOnlySpan<int> action) => new(1, false);

        protected override void Observe(Span<float> observation) => observation[0] = 0.5f;
    }

    // Pays 1 for the largest value of each choice.
    private sealed class Guess(Space<int> actions) : Environment<float, int>(new Box(0, 1, 1), actions)
    {
        private readonly Space<int> _actions = actions;

        protected override void Begin()
        {
        }

        protected override StepOutcome Advance(ReadOnlySpan<int> action)
        {
            var hit = _actions is Discrete ? action[0] == 7 : action[0] == 7 && action[1] == 0;
            return new StepOutcome(hit ? 1 : 0, true);
        }

        protected override void Observe(Span<float> observation) => observation[0] = 1;
    }

    private sealed class Bits() : Environment<float, sbyte>(new Box(0, 1, 1), new MultiBinary(3))
    {
        protected override void Begin()
        {
        }

        protected override StepOutcome Advance(ReadOnlySpan<sbyte> action) =>
            new(action[0] == 1 && action[1] == 0 && action[2] == 1 ? 1 : 0, true);

        protected override void Observe(Span<float> observation) => observation[0] = 1;
    }
}
