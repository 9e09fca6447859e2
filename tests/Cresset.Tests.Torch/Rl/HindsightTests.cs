using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// Worlds with goals: solved with hindsight and not without, resumed bit for bit, refused where goals are not what they were.
/// </summary>
public sealed class HindsightTests
{
    [Fact]
    public void HindsightFlipsBitsThatChanceDoesNot()
    {
        Assert.True(Flipped(4) > -8.5);
        Assert.True(Flipped(0) < -11);
    }

    [Fact]
    public void AResumedAgentEndsWithTheSameBits()
    {
        using var whole = Point(7);
        while (whole.Step < 160) whole.Advance();
        using var part = Point(7);
        while (part.Step < 90) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Point(1);
        state.Restore(resumed);
        while (resumed.Step < 160) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
    }

    [Fact]
    public void WhatHasNoGoalsIsRefused()
    {
        static string Refusal(Func<IEnvironment<float, int>> make)
            => Assert.Throws<ArgumentException>(
                () => new DqnAgent(new SyncVectorEnvironment<float, int>(1, make, AutoresetMode.SameStep),
                    new() { Replay = new() { Hindsight = 4 } }, 1)).Message;
        Assert.Contains("needs a world with goals", Refusal(() => new CartPole()), StringComparison.Ordinal);
        Assert.Contains("needs a world with goals", Refusal(() => new NormalizeObservation<int>(new BitFlip(3))), StringComparison.Ordinal);
        Assert.Contains("needs a world with goals", Refusal(() => new TransformReward<float, int>(new BitFlip(3), r => 2 * r)),
            StringComparison.Ordinal);
        Assert.NotEmpty(new ReplayOptions { Hindsight = 4, NStep = 3 }.Validate());
        Assert.NotEmpty(new ReplayOptions { Hindsight = 4, Prioritized = true }.Validate());
    }

    [Fact]
    public void AnEndThatNoGoalExplainsStaysAnEnd()
    {
        using var buffer = new ReplayBuffer(new() { Capacity = 8, Hindsight = 1000 }, 6, 1, 0.9, goals: new BitFlip(3));
        // The second step ends the episode though the goal is not reached; the first one's later goal is not reached by it either.
        buffer.Add(0, [0, 0, 0, 1, 1, 1], 0, new StepOutcome(-1, false), [1, 0, 0, 1, 1, 1]);
        buffer.EndTurn();
        buffer.Add(0, [1, 0, 0, 1, 1, 1], 1, new StepOutcome(-1, true), [0, 0, 1, 1, 1, 1]);
        buffer.EndTurn();
        var (batch, random) = (new ReplayBatch(2, 6), new RandomStream(3));
        for (var draw = 0; draw < 50; draw++)
        {
            buffer.Sample(batch, random);
            for (var i = 0; i < 2; i++)
            {
                var isReached = batch.NextObservations.AsSpan(i * 6, 3).SequenceEqual(batch.NextObservations.AsSpan((i * 6) + 3, 3));
                Assert.Equal(batch.Actions[i] == 1 || isReached ? 0 : 0.9f, batch.Discounts[i]);
                Assert.Equal(isReached ? 0 : -1, batch.Returns[i]);
            }
        }
    }

    private static double Flipped(int hindsight)
    {
        IEnvironment<float, int> Make() => new BitFlipSource { Bits = 12 }.Create<float, int>();
        var options = new DqnOptions
        {
            Hidden = [64],
            BatchSize = 64,
            LearningStarts = 500,
            TrainEvery = 1,
            UpdatesPerTraining = 1,
            TargetEvery = 1,
            TargetShare = 0.05,
            Gamma = 0.95,
            LearningRate = StepSizeRule.Constant(1e-3),
            Exploration = StepSizeRule.Linear(1, 0.1, 3000),
            Replay = new() { Capacity = 20_000, Hindsight = hindsight },
        };
        using var agent = new DqnAgent(new SyncVectorEnvironment<float, int>(1, Make, AutoresetMode.SameStep), options, 5);
        while (agent.Step < 9000) agent.Advance();
        return EpisodeEvaluation.Run(agent, Make, 100, 9).Mean;
    }

    private static SacAgent Point(ulong seed)
        => new(new SyncVectorEnvironment<float, float>(2, () => new PointGoalSource().Create<float, float>(), AutoresetMode.SameStep),
            new() { Hidden = [8], BatchSize = 8, LearningStarts = 40, Replay = new() { Capacity = 100, Hindsight = 4 } }, seed);
}
