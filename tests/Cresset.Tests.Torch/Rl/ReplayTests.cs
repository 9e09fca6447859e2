using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

public sealed class ReplayTests
{
    [Fact]
    public void SumTreesFindTheEntryUnderTheRunningSum()
        => Gen.Select(Gen.Int[1, 40], Gen.ULong).Sample(
            (count, seed) =>
            {
                var random = new RandomStream(seed);
                var tree = new SumTree(count);
                var plain = new double[count];
                for (var change = 0; change < 3 * count; change++)
                {
                    var at = random.NextInt32(count);
                    tree[at] = plain[at] = random.NextInt32(3) == 0 ? 0 : random.NextDouble();
                }
                Assert.Equal(plain.Sum(), tree.Total, 1e-9);
                if (tree.Total == 0)
                {
                    Assert.Throws<InvalidOperationException>(() => tree.Find(0));
                    return;
                }
                for (var draw = 0; draw < 20; draw++)
                {
                    var mass = random.NextDouble() * tree.Total;
                    var found = tree.Find(mass);
                    var below = plain.Take(found).Sum();
                    Assert.True(plain[found] > 0);
                    Assert.InRange(mass, below - 1e-9, below + plain[found] + 1e-9);
                }
                Assert.True(plain[tree.Find(tree.Total * 1.01)] > 0);
            },
            iter: 100, threads: 1);

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(-1)]
    [InlineData(double.PositiveInfinity)]
    public void SumTreesRefuseWhatIsNoPriority(double value) => Assert.Throws<ArgumentOutOfRangeException>(() => new SumTree(3)[1] = value);

    [Fact]
    public void SumsOfRewardsStopAtEndsAndBootstrapOnlyWhereTheTaskGoesOn()
    {
        // One copy, observations are step numbers: 0 1 2 (end of the task), 3 4 (cut), 5 6 7 newest.
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 100, NStep = 3 }, 1, 1, 0.5);
        for (var t = 0; t < 8; t++)
        {
            buffer.Add(0, [t], t % 2, new StepOutcome(t + 1, t == 2, t == 4), [t + 0.5f]);
            buffer.EndTurn();
        }
        var drawn = Draw(buffer);
        // Rewards are t + 1: from 0 on 1 + .5 * 2 + .25 * 3.
        Assert.Equal((2.75f, 0f, 2.5f), drawn[0]);
        Assert.Equal((3.5f, 0f, 2.5f), drawn[1]);
        Assert.Equal((3f, 0f, 2.5f), drawn[2]);
        Assert.Equal((6.5f, 0.25f, 4.5f), drawn[3]);
        Assert.Equal((5f, 0.5f, 4.5f), drawn[4]);
        Assert.Equal((6 + 3.5f + 2f, 0.125f, 7.5f), drawn[5]);
        // Near the newest the sum is as long as there are rewards.
        Assert.Equal((7 + 4f, 0.25f, 7.5f), drawn[6]);
        Assert.Equal((8f, 0.5f, 7.5f), drawn[7]);
    }

    [Fact]
    public void SumsFollowTheirOwnCopyAroundTheEndOfTheMemory()
    {
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 8, NStep = 2 }, 1, 2, 1);
        for (var t = 0; t < 6; t++)
        {
            buffer.Add(0, [t], 0, new StepOutcome(t, false), [t + 1]);
            buffer.Add(1, [100 + t], 0, new StepOutcome(10 * t, false), [101 + t]);
            buffer.EndTurn();
        }
        Assert.Equal((8, 8), (buffer.Count, buffer.Capacity));
        var drawn = Draw(buffer);
        Assert.Equal([2, 3, 4, 5, 102, 103, 104, 105], drawn.Keys.Order());
        Assert.Equal((2 + 3f, 1f, 4f), drawn[2]);
        Assert.Equal((30 + 40f, 1f, 105f), drawn[103]);
        Assert.Equal((50f, 1f, 106f), drawn[105]);
    }

    [Fact]
    public void PrioritiesAreDrawnInProportionAndCorrectedByWeights()
    {
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 4, Prioritized = true, Alpha = 1, PriorityEpsilon = 1e-9 }, 1, 1,
            1);
        for (var t = 0; t < 4; t++)
        {
            buffer.Add(0, [t], 0, new StepOutcome(0, false), [t]);
            buffer.EndTurn();
        }
        var batch = new ReplayBatch(4, 1);
        var random = new RandomStream(1);
        var errors = new float[] { 1, 2, 3, 4 };
        var given = new bool[4];
        // Each row gets its own error as soon as it is drawn.
        while (!Array.TrueForAll(given, g => g))
        {
            buffer.Sample(batch, random, 1);
            foreach (var row in batch.Rows) given[row] = true;
            buffer.UpdatePriorities(batch, batch.Rows.Select(r => errors[r]).ToArray());
        }
        var counts = new double[4];
        for (var i = 0; i < 5000; i++)
        {
            buffer.Sample(batch, random, 0.5);
            for (var k = 0; k < 4; k++)
            {
                counts[batch.Rows[k]]++;
                var expected = Math.Pow(4 * buffer.Probability(batch.Rows[k]), -0.5)
                    / batch.Rows.Max(r => Math.Pow(4 * buffer.Probability(r), -0.5));
                Assert.Equal(expected, batch.Weights[k], 1e-5);
            }
        }
        for (var row = 0; row < 4; row++)
        {
            Assert.Equal((row + 1) / 10.0, buffer.Probability(row), 1e-6);
            Assert.Equal((row + 1) / 10.0, counts[row] / 20_000, 0.015);
        }
    }

    [Fact]
    public void AMappedFileHoldsTheSame()
    {
        var path = Path.Combine(Path.GetTempPath(), $"replay-{Guid.NewGuid():N}.bin");
        try
        {
            using var mapped = new ReplayBuffer(new ReplayOptions { Capacity = 50, File = path }, 3, 1, 0.9);
            using var memory = new ReplayBuffer(new ReplayOptions { Capacity = 50 }, 3, 1, 0.9);
            var random = new RandomStream(1);
            for (var t = 0; t < 70; t++)
            {
                float[] observation = [(float)random.NextDouble(), t, -t];
                var outcome = new StepOutcome(random.NextDouble(), t % 9 == 0);
                foreach (var buffer in (ReplayBuffer[])[mapped, memory])
                {
                    buffer.Add(0, observation, t % 4, outcome, observation);
                    buffer.EndTurn();
                }
            }
            var (a, b) = (new ReplayBatch(30, 3), new ReplayBatch(30, 3));
            mapped.Sample(a, new RandomStream(5));
            memory.Sample(b, new RandomStream(5));
            Assert.Equal(b.Observations, a.Observations);
            Assert.Equal(b.Returns, a.Returns);
            Assert.Equal(b.Actions, a.Actions);
            Assert.True(new FileInfo(path).Length >= 50 * ((3 * 4) + 1));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void ImpossibleRequestsAreRefused()
    {
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 10 }, 2, 1, 0.9);
        Assert.Contains("holds 0 transitions; a batch takes 4",
            Assert.Throws<InvalidOperationException>(() => buffer.Sample(new ReplayBatch(4, 2), new RandomStream(1))).Message,
            StringComparison.Ordinal);
        Assert.Contains("keeps 2",
            Assert.Throws<ArgumentException>(() => buffer.Add(0, [1f], 0, new StepOutcome(0, false), [1f, 2f])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => buffer.Sample(new ReplayBatch(1, 3), new RandomStream(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReplayBuffer(new ReplayOptions(), 2, 1, 1.5));
        Assert.Contains("does not hold one transition",
            Assert.Throws<ArgumentException>(() => new ReplayBuffer(new ReplayOptions { Capacity = 3 }, 2, 4, 1)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ReplayStorage.Float32, 1, false)]
    [InlineData(ReplayStorage.Float32, 3, false)]
    [InlineData(ReplayStorage.Uint8, 1, false)]
    [InlineData(ReplayStorage.Uint8, 3, false)]
    [InlineData(ReplayStorage.Uint8, 3, true)]
    public void SharedFramesAreTheObservationsThatWerePutIn(ReplayStorage storage, int frames, bool zeros)
    {
        // Episodes of 1 to 7 steps in two copies of stacks of three pictures of two values.
        IEnvironment<float, int> Make() => new TimeLimit<float, int>(new FrameStack<float, int>(new Flicker(), 3, zeros), 6);
        var copies = new SyncVectorEnvironment<float, int>(2, Make, AutoresetMode.SameStep);
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 46, Storage = storage, Frames = frames, NStep = 2 }, 6, 2, 0.9);
        var rows = new Dictionary<int, (float[] Here, float[] Next)>();
        copies.Reset(1);
        for (var turn = 0; turn < 100; turn++)
        {
            var before = copies.Observations.ToArray();
            copies.Step([0, 0]);
            for (var i = 0; i < 2; i++)
            {
                var outcome = new StepOutcome(turn, copies.Terminated[i], copies.Truncated[i]);
                var next = (outcome.Ended ? copies.FinalObservations : copies.Observations).Slice(i * 6, 6);
                buffer.Add(i, before.AsSpan(i * 6, 6), 0, outcome, next);
                rows[(turn % 23 * 2) + i] = (before[(i * 6)..((i + 1) * 6)], next.ToArray());
            }
            buffer.EndTurn();
        }
        var batch = new ReplayBatch(40, 6);
        var random = new RandomStream(3);
        for (var draw = 0; draw < 30; draw++)
        {
            buffer.Sample(batch, random);
            for (var k = 0; k < 40; k++)
            {
                Assert.Equal(rows[batch.Rows[k]].Here, batch.Observations[(k * 6)..((k + 1) * 6)]);
                if (batch.Discounts[k] == 0.9f) Assert.Equal(rows[batch.Rows[k]].Next, batch.NextObservations[(k * 6)..((k + 1) * 6)]);
            }
        }

        using var state = new Snapshot();
        buffer.Save(state);
        using var loaded = new ReplayBuffer(new ReplayOptions { Capacity = 46, Storage = storage, Frames = frames, NStep = 2 }, 6, 2, 0.9);
        loaded.Load(state);
        var again = new ReplayBatch(40, 6);
        buffer.Sample(batch, new RandomStream(4));
        loaded.Sample(again, new RandomStream(4));
        Assert.Equal(batch.Observations, again.Observations);
        Assert.Equal(batch.NextObservations, again.NextObservations);
        Assert.Equal(batch.Returns, again.Returns);
    }

    [Fact]
    public void WhatABufferOfBytesOrFramesCannotKeepIsRefused()
    {
        using var bytes = new ReplayBuffer(new ReplayOptions { Capacity = 4, Storage = ReplayStorage.Uint8 }, 1, 1, 1);
        Assert.Contains("is 0.5", Assert.Throws<ArgumentException>(() => bytes.Add(0, [0.5f], 0, default, [1f])).Message,
            StringComparison.Ordinal);
        using var stack = new ReplayBuffer(new ReplayOptions { Capacity = 4, Frames = 2 }, 2, 1, 1);
        Assert.Contains("not a stack of 2 frames",
            Assert.Throws<ArgumentException>(() => stack.Add(0, [1f, 2f], 0, default, [2f, 3f])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ReplayBuffer(new ReplayOptions { Frames = 2 }, 3, 1, 1));
    }

    [Fact]
    public void ABufferOfTheLayoutBeforeIsStillRead()
    {
        using var expected = new ReplayBuffer(new ReplayOptions { Capacity = 6, Prioritized = true }, 1, 2, 0.9);
        using var state = new Snapshot();
        state.Put("agent/replay", writer =>
        {
            writer.Write(5L);
            writer.Write(2.0);
            // Rounds 3, 4 and 2 lie in the three places of a buffer of six for two copies.
            foreach (var turn in (int[])[3, 4, 2])
            {
                for (var copy = 0; copy < 2; copy++)
                {
                    writer.Write((10f * copy) + turn);
                    writer.Write((10f * copy) + turn + 1);
                    writer.Write(turn % 2);
                    writer.Write((float)turn);
                    writer.Write((byte)(turn == 3 ? 1 : 0));
                    writer.Write(turn + 0.5);
                }
            }
        });
        expected.Load(state);
        Assert.Equal((6, 5L), (expected.Count, expected.Turns));
        Assert.Equal(3.5 / (2 * (2.5 + 3.5 + 4.5)), expected.Probability(0), 1e-12);
        var drawn = Draw(expected);
        Assert.Equal((3f, 0f, 4f), drawn[3]);
        Assert.Equal((4f, 0.9f, 15f), drawn[14]);
        Assert.Equal((2f, 0.9f, 3f), drawn[2]);
    }

    // Every row of a buffer by its first observation value: sum, discount, first value of the next observation.
    private static Dictionary<float, (float Return, float Discount, float Next)> Draw(ReplayBuffer buffer)
    {
        var batch = new ReplayBatch(1, buffer.ObservationSize);
        var random = new RandomStream(2);
        var drawn = new Dictionary<float, (float, float, float)>();
        for (var i = 0; i < 500; i++)
        {
            buffer.Sample(batch, random);
            drawn[batch.Observations[0]] = (batch.Returns[0], batch.Discounts[0], batch.NextObservations[0]);
        }
        return drawn;
    }

    // Two values of 0 to 255 that say which step it is.
    private sealed class Flicker() : Environment<float, int>(new Box(0, 255, 2), new Discrete(1))
    {
        private int _step;

        protected override void Begin() => _step = Random.NextInt32(100);

        protected override StepOutcome Advance(ReadOnlySpan<int> action)
        {
            _step++;
            return new StepOutcome(_step, Random.NextDouble() < 0.2);
        }

        protected override void Observe(Span<float> observation) => (observation[0], observation[1]) = (_step % 256, Random.NextInt32(256));
    }
}
