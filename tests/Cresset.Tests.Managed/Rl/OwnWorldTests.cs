using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Samples.Worlds;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Worlds of one's own: the checker, spaces that start elsewhere, own limits, states that cannot be saved.</summary>
public sealed class OwnWorldTests
{
    [Fact]
    public void TheSampleWorldsKeepToTheContract()
    {
        Assert.Empty(EnvironmentChecks.Check(() => new TimeLimit<float, int>(new Thermostat(), 96)));
        Assert.Empty(EnvironmentChecks.Check(() => new Inventory()));
        Assert.Equal((96, -60.0), (new Thermostat().MaxEpisodeSteps, new TimeLimit<float, int>(new Thermostat(), 96).RewardThreshold));
    }

    [Fact]
    public void TheCheckerNamesValuesThatAreNotWritten()
    {
        var error = Assert.Throws<EnvironmentContractException>(() => EnvironmentChecks.Check(() => new Sketch { Unwritten = 1 }));
        Assert.Contains("did not write value 1 of the observation", error.Message, StringComparison.Ordinal);
        Assert.Contains("Reset", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheCheckerWarnsOfWhatMakesLearningHard()
    {
        var warnings = EnvironmentChecks.Check(() => new Sketch { Scale = 1000 });
        Assert.Contains(warnings, w => w.Contains("observations reach 1000", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("no episode ended", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("SaveState is not overridden", StringComparison.Ordinal));
        Assert.Contains(EnvironmentChecks.Check(() => new Pendulum()), w => w.Contains("Use RescaleAction", StringComparison.Ordinal));
        Assert.Empty(EnvironmentChecks.Check(() => new TimeLimit<float, int>(new CartPole(), 500)));
    }

    [Fact]
    public void AWorldThatCutsItsEpisodesCannotBeSteppedOn()
    {
        var sketch = new Sketch { Longest = 3 };
        var observation = sketch.Reset(1);
        StepOutcome outcome;
        do outcome = sketch.Step(0, observation.AsSpan());
        while (!outcome.Ended);
        Assert.True(outcome.Truncated);
        Assert.Throws<InvalidOperationException>(() => sketch.Step(0, observation.AsSpan()));
    }

    [Fact]
    public void TablesLearnWhereStatesAndActionsStartAtOne()
    {
        var learner = new QLearning(5, 2, new() { Gamma = 0.9, Exploration = new() { Epsilon = 0.3 } });
        TabularControl.Run(new Corridor(), learner, 200, new RandomStream(1), 20_000, seed: 1);
        Assert.Equal([1, 1, 1, 1], learner.GreedyActions()[..4]);
        Assert.Equal(1, TabularControl.Evaluate(new Corridor(), learner.GreedyActions(), 3, 1));
        var values = new TdZero(5, 0.9, StepSizeRule.Constant(0.2));
        for (var episode = 0; episode < 50; episode++) values.RunEpisode(new Corridor(), _ => 1, (ulong)episode);
        Assert.Equal(1, values.Values[3], 1e-3);
        new SoftmaxPolicyGradient(5, 2, 0.9, 0.1, 0.1, actorCritic: true).RunEpisode(new Corridor(), new RandomStream(1), 100, 1);
    }

    [Fact]
    public void WhatCannotBeSavedBeginsAnewAndIsNamed()
    {
        SyncVectorEnvironment<float, int> Make() =>
            new(2, () => new TimeLimit<float, int>(new Sketch { Longest = 9 }, 20), AutoresetMode.SameStep);
        var saved = Make();
        saved.Reset(1);
        for (var i = 0; i < 5; i++) saved.Step([0, 0]);
        using var memory = new MemoryStream();
        saved.Save(new BinaryWriter(memory));
        memory.Position = 0;
        var loaded = Make();
        loaded.Load(new BinaryReader(memory));
        Assert.Equal([0, 1], loaded.Lost);
        loaded.Step([0, 0]);
        var exact = new SyncVectorEnvironment<float, int>(1, () => new CartPole(), AutoresetMode.SameStep);
        exact.Reset(1);
        using var other = new MemoryStream();
        exact.Save(new BinaryWriter(other));
        other.Position = 0;
        exact.Load(new BinaryReader(other));
        Assert.Empty(exact.Lost);
    }

    [Fact]
    public void CopiesShareTheirMomentsAtAnyNumberOfThreads()
    {
        (float[] Seen, double[] Means) Play(int threads)
        {
            var copies = new SyncVectorEnvironment<float, int>(4,
                () => new NormalizeReward<float, int>(new NormalizeObservation<int>(new TimeLimit<float, int>(new Thermostat(), 20))),
                AutoresetMode.SameStep, threads);
            copies.Reset(3);
            for (var step = 0; step < 60; step++) copies.Step([0, 1, 2, step % 3]);
            Assert.Single(copies.Moments);
            Assert.Equal(4 + (4 * 60) + (4 * 3), copies.Moments[0].Count, 1e-3);
            Assert.NotEqual(copies.Rewards[0], copies.RawRewards[0]);
            return (copies.Observations.ToArray(), copies.Moments[0].Mean.ToArray());
        }

        var (one, three) = (Play(1), Play(3));
        Assert.Equal(one.Seen, three.Seen);
        Assert.Equal(one.Means, three.Means);
    }

    // One number that goes up; the second is left unwritten on request.
    private sealed class Sketch() : Environment<float, int>(new Box(-10_000, 10_000, 2), new Discrete(2))
    {
        private int _step;

        public int Unwritten { get; init; } = -1;

        public double Scale { get; init; } = 1;

        public int Longest { get; init; } = int.MaxValue;

        protected override void Begin() => _step = 0;

        protected override StepOutcome Advance(ReadOnlySpan<int> action) => new(1, false, ++_step >= Longest);

        protected override void Observe(Span<float> observation)
        {
            observation[0] = (float)Scale;
            if (Unwritten != 1) observation[1] = _step % 7 / 7f;
        }
    }

    // Five places, counted from 1; actions -1 and 0 go left and right.
    private sealed class Corridor() : Environment<int, int>(new Discrete(5, 1), new Discrete(2, -1))
    {
        private int _place;

        protected override void Begin() => _place = 1 + Random.NextInt32(4);

        protected override StepOutcome Advance(ReadOnlySpan<int> action)
        {
            _place = Math.Max(1, _place + (action[0] == 0 ? 1 : -1));
            return new StepOutcome(_place == 5 ? 1 : 0, _place == 5);
        }

        protected override void Observe(Span<int> observation) => observation[0] = _place;
    }
}
