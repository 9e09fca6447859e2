using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// Policies that remember: a corridor that needs it, pictures that need convolutions, what is carried over ends and rollouts, resuming bit
/// for bit.
/// </summary>
public sealed class RecurrentTests
{
    [Fact]
    public void OnlyWhoRemembersTurnsTheRightWay()
    {
        Assert.True(Turned(memory: 16) > 0.95);
        Assert.InRange(Turned(memory: 0), 0.3, 0.7);
    }

    [Fact]
    public void FiguresAreNamedThroughConvolutions()
    {
        Assert.True(Named(ObservationEncoder.Conv) > 7.6);
        Assert.True(Named(ObservationEncoder.Mlp) < 6.4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void AResumedAgentEndsWithTheSameBits(int minibatches)
    {
        using var whole = Make(7, minibatches);
        while (whole.Step < 96) whole.Advance();
        using var part = Make(7, minibatches);
        while (part.Step < 64) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(1, minibatches);
        state.Restore(resumed);
        while (resumed.Step < 96) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var other = new ActorCriticAgent<int>(Mazes(4), Options(minibatches) with { Memory = 5 }, 1);
        Assert.ThrowsAny<InvalidDataException>(() => state.Restore(other));
    }

    [Fact]
    public void AStretchIsWhatItsStepsAreOneByOne()
    {
        var options = new ActorCriticOptions { Memory = 4, Hidden = [3], Device = "cpu" };
        using var network = new TorchOutputNetwork(2, 3, options, 10, new RandomStream(1), 1, null);
        var random = new RandomStream(2);
        var (observations, before) = (new float[20], new float[8]);
        foreach (ref var value in observations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in before.AsSpan()) value = (float)random.Uniform(-1, 1);
        // Two stretches of five steps; an episode begins in the middle of the first, and one at the start of the second.
        var begins = new bool[10];
        begins[2] = begins[5] = true;
        network.Forward(observations, 10, new Stretches(5, begins, before));
        for (var stretch = 0; stretch < 2; stretch++)
        {
            var memory = before.AsSpan(stretch * 4, 4).ToArray();
            for (var t = 0; t < 5; t++)
            {
                var row = (stretch * 5) + t;
                if (begins[row]) Array.Clear(memory);
                var outputs = network.Act(observations.AsSpan(row * 2, 2), 1, memory, out _).ToArray();
                for (var k = 0; k < 3; k++) Assert.Equal(outputs[k], network.Output(row)[k], 1e-5);
            }
        }
        Assert.Equal(["layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight", "memory.bias_hh", "memory.bias_ih",
            "memory.weight_hh", "memory.weight_ih"], Keys(network));
    }

    [Fact]
    public void GradientsGoBackThroughTime()
    {
        // The output of the last step by a weight of the cell, against a difference.
        var options = new ActorCriticOptions { Memory = 3, Hidden = [], Device = "cpu" };
        using var network = new TorchOutputNetwork(1, 1, options, 4, new RandomStream(4), 1, null);
        float[] observations = [0.7f, 0, 0, 0];
        var stretches = new Stretches(4, new bool[4], new float[3]);
        double Output(float change)
        {
            using var state = new Snapshot();
            network.SaveNetwork(state, "");
            using var moved = new Snapshot();
            foreach (var (key, value) in state.Tensors)
            {
                using var copy = value.clone();
                if (key == "memory.weight_ih") copy[1, 0] += change;
                moved.Put(key, copy);
            }
            network.LoadNetwork(moved, "");
            network.Forward(observations, 4, stretches);
            var output = (double)network.Output(3)[0];
            network.LoadNetwork(state, "");
            return output;
        }

        using var scope = NewDisposeScope();
        var difference = (Output(1e-2f) - Output(-1e-2f)) / 2e-2;
        network.Forward(observations, 4, stretches);
        for (var row = 0; row < 4; row++) network.Slope(row)[0] = row == 3 ? 1 : 0;
        var squares = network.Backward();
        Assert.True(squares > 0);
        Assert.True(Math.Abs(difference) > 1e-4, $"{difference}");
        Assert.Equal(difference, network.Gradient("memory.weight_ih")[1], 1e-3);
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        Assert.Contains("4 copies do not divide into 3",
            Assert.Throws<ArgumentException>(() => new ActorCriticAgent<int>(Mazes(4), Options(3) with { RolloutSteps = 12 }, 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains(new ActorCriticOptions { Memory = 4, Encoder = ObservationEncoder.Conv }.Validate(),
            p => p.Hint.Contains("frame-stack", StringComparison.Ordinal));
        Assert.Contains("do not go together",
            Assert.Throws<ArgumentException>(() => new ActorCriticAgent<int>(Mazes(4), Options(1), 1, () => nn.Identity())).Message,
            StringComparison.Ordinal);
        using var agent = Make(1, 1);
        Assert.Contains("are remembered",
            Assert.Throws<ArgumentException>(() => agent.Act(new float[2], 1, new int[1], [], new float[3])).Message,
            StringComparison.Ordinal);
        // Without a memory the rows are first steps.
        var (first, same) = (new int[1], new int[1]);
        agent.Act([1, 0], 1, first);
        agent.Act([1, 0], 1, same, [], new float[agent.MemorySize]);
        Assert.Equal(first, same);
    }

    private static string[] Keys(TorchOutputNetwork network)
    {
        using var state = new Snapshot();
        network.SaveNetwork(state, "");
        return [.. state.Tensors.Keys.Order(StringComparer.Ordinal)];
    }

    private static ActorCriticOptions Options(int minibatches)
        => ActorCriticOptions.Ppo with
        {
            Memory = 8,
            Hidden = [8],
            RolloutSteps = 8,
            Minibatches = minibatches,
            Epochs = 2,
            Device = "cpu"
        };

    private static SyncVectorEnvironment<float, int> Mazes(int copies) =>
        new(copies, () => new TMazeSource { Length = 4 }.Create<float, int>(), AutoresetMode.SameStep);

    private static ActorCriticAgent<int> Make(ulong seed, int minibatches) => new(Mazes(4), Options(minibatches), seed);

    /// <summary>
    /// Whole episodes of differing lengths in one stretch: a memory is forgotten where each begins, and the sign is learned.
    /// </summary>
    [Fact]
    public void ReinforceRemembersTheSign()
    {
        static IEnvironment<float, int> Make() => new TMazeSource { Length = 3 }.Create<float, int>();
        using var agent = new ReinforceAgent<int>(new SyncVectorEnvironment<float, int>(16, Make, AutoresetMode.SameStep),
            new()
            {
                Memory = 8,
                Hidden = [16],
                LongestEpisode = 40,
                EntropyCoefficient = 0.01,
                LearningRate = StepSizeRule.Constant(1e-2),
                Device = "cpu",
            }, 1);
        var best = 0.0;
        for (var i = 0; i < 400 && best < 0.99; i++)
        {
            agent.Advance();
            if (i % 40 == 39) best = Math.Max(best, EpisodeEvaluation.Run(agent, Make, 40, 9).Mean);
        }
        Assert.True(best > 0.9, $"mean return {best}");
    }

    private static double Turned(int memory)
    {
        static IEnvironment<float, int> Make() => new TMazeSource { Length = 3 }.Create<float, int>();
        var options = ActorCriticOptions.Ppo with
        {
            Memory = memory,
            Hidden = [16],
            RolloutSteps = 16,
            Minibatches = 1,
            Epochs = 4,
            EntropyCoefficient = 0.01,
            LearningRate = StepSizeRule.Constant(1e-2),
            Device = "cpu",
        };
        using var agent = new ActorCriticAgent<int>(new SyncVectorEnvironment<float, int>(8, Make, AutoresetMode.SameStep), options, 3);
        while (agent.Step < 4096) agent.Advance();
        return EpisodeEvaluation.Run(agent, Make, 100, 9).Mean;
    }

    private static double Named(ObservationEncoder encoder)
    {
        static IEnvironment<float, int> Make() => new FiguresSource { Size = 8, Dust = 3 }.Create<float, int>();
        var options = ActorCriticOptions.Ppo with
        {
            Encoder = encoder,
            Hidden = [32],
            RolloutSteps = 16,
            Minibatches = 2,
            Epochs = 2,
            Gamma = 0,
            EntropyCoefficient = 0.01,
            LearningRate = StepSizeRule.Constant(2e-3),
            Device = "cpu",
        };
        using var agent = new ActorCriticAgent<int>(new SyncVectorEnvironment<float, int>(8, Make, AutoresetMode.SameStep), options, 3);
        while (agent.Step < 8000) agent.Advance();
        return EpisodeEvaluation.Run(agent, Make, 50, 9).Mean;
    }
}
