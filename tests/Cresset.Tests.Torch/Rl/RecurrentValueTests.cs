using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// Values that remember (DRQN and PQN with a GRU): numbers worked out by hand, stretches of the replay, a corridor that needs it, resuming
/// bit for bit.
/// </summary>
public sealed class RecurrentValueTests
{
    [Fact]
    public void TwoStepsOfTheCellAreWhatTheFormulasSay()
    {
        // r = s(Wx + b + Uh + c), z likewise, n = tanh(Wx + b + r (Uh + c)), h' = (1 - z) n + z h (Cho et al. 2014, as PyTorch has it).
        using var network = new QNetwork(1, 2, new DqnOptions { Memory = 2, Hidden = [] });
        float[] inputWeights = [0.5f, -0.3f, 0.2f, 0.8f, -0.6f, 0.4f], inputBias = [0.1f, 0, -0.2f, 0.3f, 0.05f, -0.1f];
        float[] memoryWeights = [0.3f, -0.1f, 0.2f, 0.4f, -0.5f, 0.6f, 0.1f, 0.2f, 0.7f, -0.3f, 0.25f, 0.15f];
        float[] memoryBias = [0.02f, -0.04f, 0.06f, 0, 0.1f, -0.2f], head = [1, 2, -1, 0.5f], headBias = [0.25f, -0.5f];
        using var state = new Snapshot();
        void Put(string key, float[] values, params long[] shape)
        {
            using var value = tensor(values, shape);
            state.Put(key, value);
        }
        Put("memory.weight_ih", inputWeights, 6, 1);
        Put("memory.weight_hh", memoryWeights, 6, 2);
        Put("memory.bias_ih", inputBias, 6);
        Put("memory.bias_hh", memoryBias, 6);
        Put("layers.0.weight", head, 2, 2);
        Put("layers.0.bias", headBias, 2);
        StateDict.Load(network, state.Tensors);
        var memory = new double[2];
        var expected = new List<double>();
        double Gate(int row, double x, out double byMemory)
        {
            byMemory = (memoryWeights[2 * row] * memory[0]) + (memoryWeights[(2 * row) + 1] * memory[1]) + memoryBias[row];
            return (inputWeights[row] * x) + inputBias[row];
        }
        static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
        foreach (var x in (double[])[0.7, -1.2])
        {
            var after = new double[2];
            for (var unit = 0; unit < 2; unit++)
            {
                var reset = Sigmoid(Gate(unit, x, out var byMemory) + byMemory);
                var update = Sigmoid(Gate(2 + unit, x, out byMemory) + byMemory);
                var fresh = Math.Tanh(Gate(4 + unit, x, out byMemory) + (reset * byMemory));
                after[unit] = ((1 - update) * fresh) + (update * memory[unit]);
            }
            memory = after;
            for (var a = 0; a < 2; a++) expected.Add((head[2 * a] * memory[0]) + (head[(2 * a) + 1] * memory[1]) + headBias[a]);
        }
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (trunk, remembered) = network.Trunk(tensor(new[] { 0.7f, -1.2f }, [2, 1]), zeros(1, 2), ones(1, 2, 1));
        var values = network.Values(trunk).flatten().data<float>().ToArray();
        for (var i = 0; i < 4; i++) Assert.Equal(expected[i], values[i], 1e-6);
        for (var unit = 0; unit < 2; unit++) Assert.Equal(memory[unit], remembered[0, 1, unit].ToSingle(), 1e-6);
        // A row by itself is the first of an episode.
        var first = network.call(tensor(new[] { 0.7f }, [1, 1])).flatten().data<float>().ToArray();
        Assert.Equal(expected[0], first[0], 1e-6);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheLossIsThatOfStepsOneByOne(bool isDouble)
    {
        const int Stretch = 5, BurnIn = 2, Count = 2, Size = 3;
        var options = new DqnOptions { Memory = 4, Hidden = [5], Double = isDouble, Loss = ValueLoss.Squared };
        using var online = Fresh(options, 1);
        using var target = Fresh(options, 2);
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var here = randn([Count * Stretch, Size], generator: generator);
        var next = randn([Count * Stretch, Size], generator: generator);
        var before = randn([Count, 4], generator: generator);
        var kept = ones(Count, Stretch, 1);
        // An episode begins within the burn-in of the first stretch, and one among the learned steps of the second.
        kept[0, 1, 0] = 0;
        kept[1, 3, 0] = 0;
        var random = new RandomStream(4);
        var rows = Count * (Stretch - BurnIn);
        var (actions, returns, discounts) = (new long[rows], new float[rows], new float[rows]);
        var expected = new double[rows];
        using (no_grad())
        {
            for (var s = 0; s < Count; s++)
            {
                var (mine, other) = (before.narrow(0, s, 1), before.narrow(0, s, 1));
                for (var t = 0; t < Stretch; t++)
                {
                    var row = (s * Stretch) + t;
                    (mine, other) = (mine * kept[s, t, 0], other * kept[s, t, 0]);
                    (var trunk, mine) = online.Trunk(here.narrow(0, row, 1), mine);
                    other = target.Trunk(here.narrow(0, row, 1), other).Memory;
                    if (t < BurnIn) continue;
                    var at = (s * (Stretch - BurnIn)) + t - BurnIn;
                    (actions[at], returns[at], discounts[at]) = (random.NextInt32(2), (float)random.NextNormal(), at % 4 == 0 ? 0 : 0.9f);
                    var judged = target.Values(target.Trunk(next.narrow(0, row, 1), other).Trunk).flatten();
                    var chooser = isDouble ? online.Values(online.Trunk(next.narrow(0, row, 1), mine).Trunk).flatten() : judged;
                    var goal = returns[at] + (discounts[at] * judged[chooser.argmax().ToInt64()].ToSingle());
                    var error = online.Values(trunk).flatten()[actions[at]].ToSingle() - goal;
                    expected[at] = error * error;
                }
            }
        }
        var learned = next.view(Count, Stretch, Size).narrow(1, BurnIn, Stretch - BurnIn).flatten(0, 1);
        var (losses, _) = new TorchQLoss(options, new RandomStream(0)).Of(online, target,
            new RememberedRows(here, learned, before, kept, BurnIn), tensor(actions), tensor(returns), tensor(discounts), null, null);
        var found = losses.data<float>().ToArray();
        for (var i = 0; i < rows; i++) Assert.Equal(expected[i], found[i], 1e-4);
        Assert.Contains(expected, e => e > 0.01);
        // Gradients reach the cell from the learned steps.
        Derivatives.Backward(losses.mean());
        Assert.True(online.named_parameters().First(p => p.name == "memory.weight_hh").parameter.grad!.abs().sum().ToSingle() > 0);
        Assert.True(target.named_parameters().All(p => p.parameter.grad is null));
    }

    [Fact]
    public void StretchesFollowEachOther()
    {
        const int Copies = 2, Steps = 3;
        using var buffer = new ReplayBuffer(new ReplayOptions { Capacity = 14 }, 1, Copies, 0.9, 1, 0, null, memorySize: 2);
        // 25 rounds in room for 7; every fourth step of a copy ends an episode.
        for (var turn = 0; turn < 25; turn++)
        {
            for (var copy = 0; copy < Copies; copy++)
            {
                var value = (100 * copy) + turn;
                buffer.Remember(copy, [value + 0.25f, value + 0.5f], begins: (turn + copy) % 4 == 0);
                buffer.Add(copy, [value], copy, new StepOutcome(value, (turn + copy) % 4 == 3, false), [value + 1]);
            }
            buffer.EndTurn();
        }
        var batch = new ReplayBatch(12, 1);
        var stretches = new Stretches(Steps, new bool[12], new float[8]);
        var starts = new HashSet<float>();
        var random = new RandomStream(5);
        for (var draw = 0; draw < 60; draw++)
        {
            buffer.Sample(batch, stretches, random);
            for (var row = 0; row < 12; row++)
            {
                var (stretch, t) = (row / Steps, row % Steps);
                var first = batch.Observations[stretch * Steps];
                if (t == 0)
                {
                    starts.Add(first);
                    Assert.Equal([first + 0.25f, first + 0.5f], stretches.Memory.AsSpan(stretch * 2, 2).ToArray());
                }
                Assert.Equal(first + t, batch.Observations[row]);
                Assert.Equal(first + t + 1, batch.NextObservations[row]);
                Assert.Equal(first + t, batch.Returns[row]);
                var (copy, turn) = ((int)batch.Observations[row] / 100, (int)batch.Observations[row] % 100);
                Assert.Equal(copy, batch.Actions[row]);
                Assert.Equal((turn + copy) % 4 == 0, stretches.Begins[row]);
                Assert.Equal((turn + copy) % 4 == 3 ? 0 : 0.9f, batch.Discounts[row]);
            }
        }
        // The seven rounds that are left hold five starts of each copy.
        Assert.Equal([18, 19, 20, 21, 22, 118, 119, 120, 121, 122], starts.Order());
        using var small = new ReplayBuffer(new ReplayOptions { Capacity = 14 }, 1, Copies, 0.9, 1, 0, null, memorySize: 2);
        Assert.Contains("learning_starts", Assert.Throws<InvalidOperationException>(() => small.Sample(batch, stretches, random)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ValueKind.Mean)]
    [InlineData(ValueKind.Quantile)]
    public void DqnRemembersTheSign(ValueKind values)
    {
        Assert.True(Turned(Maze(16)) > 0.95);
        // The world is the same for both.
        if (values == ValueKind.Mean) Assert.InRange(Turned(Maze(0)), 0.3, 0.7);

        IAgent<int> Maze(int memory) => new DqnAgent(Mazes(4, 3), new DqnOptions
        {
            Values = values,
            Atoms = 16,
            Memory = memory,
            Hidden = [16],
            BatchSize = 64,
            SequenceSteps = 8,
            BurnIn = 2,
            LearningStarts = 200,
            TrainEvery = 8,
            TargetEvery = 200,
            Double = true,
            Replay = new() { Capacity = 4000 },
            LearningRate = StepSizeRule.Constant(5e-3),
            Exploration = StepSizeRule.Linear(1, 0.1, 2000),
            Device = "cpu",
        }, 3);
    }

    [Fact]
    public void PqnRemembersTheSign()
    {
        Assert.True(Turned(Maze(16)) > 0.95);
        Assert.InRange(Turned(Maze(0)), 0.3, 0.7);

        static IAgent<int> Maze(int memory) => new PqnAgent(Mazes(8, 3), new PqnOptions
        {
            Memory = memory,
            Hidden = [16],
            RolloutSteps = 16,
            Minibatches = 2,
            Epochs = 2,
            LearningRate = StepSizeRule.Constant(5e-3),
            Exploration = StepSizeRule.Linear(1, 0.1, 2000),
            Device = "cpu",
        }, 3);
    }

    public static TheoryData<string> Agents => ["dqn", "rainbow", "iqn", "qr", "pqn"];

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        using var whole = Make(kind, 7);
        while (whole.Step < 160) whole.Advance();
        using var part = Make(kind, 7);
        while (part.Step < 96) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(kind, 1);
        state.Restore(resumed);
        while (resumed.Step < 160) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        Assert.Contains("memory.weight_hh", policy.Tensors.Keys);
        using var player = Make(kind, 3);
        player.LoadPolicy(policy);
        static IEnvironment<float, int> World() => new TMazeSource { Length = 4 }.Create<float, int>();
        Assert.Equal(EpisodeEvaluation.Run(whole, World, 5, 2).Returns, EpisodeEvaluation.Run(player, World, 5, 2).Returns);
        using var other = Make(kind, 1, memory: 5);
        Assert.ThrowsAny<InvalidDataException>(() => state.Restore(other));
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        void Refused(DqnOptions options, string words)
            => Assert.Contains(options.Validate(), p => $"{p.Hint} {p}".Contains(words, StringComparison.Ordinal));
        var options = new DqnOptions { Memory = 4 };
        Assert.Empty(options.Validate());
        Refused(options with { Replay = new() { NStep = 3 } }, "stretches of single steps");
        Refused(options with { Replay = new() { Prioritized = true } }, "stretches of single steps");
        Refused(options with { Replay = new() { Hindsight = 4 } }, "stretches of single steps");
        Refused(options with { Replay = new() { Data = "a" } }, "stretches of single steps");
        Refused(options with { Encoder = ObservationEncoder.Conv }, "frame-stack");
        Refused(options with { BatchSize = 40 }, "multiple of sequence_steps");
        Refused(options with { Backend = NetworkBackend.Native }, "auto or torch");
        Assert.Contains(new PqnOptions { Memory = 4, Encoder = ObservationEncoder.Conv }.Validate(),
            p => p.Hint.Contains("frame-stack", StringComparison.Ordinal));
        Assert.Contains("burn_in",
            Assert.Throws<ArgumentException>(
                () => new DqnAgent(Mazes(4, 3), options with { Replay = new() { Capacity = 90 }, BatchSize = 16 }, 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("do not go together",
            Assert.Throws<ArgumentException>(() => new DqnAgent(Mazes(4, 3), options, 1, () => nn.Identity())).Message,
            StringComparison.Ordinal);
        Assert.Contains("4 copies do not divide into 3",
            Assert.Throws<ArgumentException>(
                () => new PqnAgent(Mazes(4, 3), new PqnOptions { Memory = 4, RolloutSteps = 12, Minibatches = 3 }, 1)).Message,
            StringComparison.Ordinal);
        using var agent = Make("dqn", 1);
        Assert.Contains("are remembered",
            Assert.Throws<ArgumentException>(() => agent.Act(new float[2], 1, new int[1], [], new float[3])).Message,
            StringComparison.Ordinal);
    }

    private static QNetwork Fresh(DqnOptions options, ulong seed)
    {
        var network = new QNetwork(3, 2, options);
        using var generator = new Generator(seed);
        Initialize.Reset(network, generator);
        return network;
    }

    private static IAgent<int> Make(string kind, ulong seed, int memory = 6)
    {
        var options = new DqnOptions
        {
            Memory = memory,
            Hidden = [8],
            BatchSize = 16,
            SequenceSteps = 4,
            BurnIn = 3,
            LearningStarts = 32,
            TrainEvery = 8,
            TargetEvery = 32,
            Replay = new() { Capacity = 120 },
            Exploration = StepSizeRule.Constant(0.3),
            Device = "cpu",
        };
        return kind switch
        {
            "pqn" => new PqnAgent(Mazes(4, 4),
                new PqnOptions { Memory = memory, Hidden = [8], RolloutSteps = 8, Minibatches = 2, Epochs = 2, Device = "cpu" }, seed),
            "rainbow" => new DqnAgent(Mazes(4, 4),
                options with { Double = true, Dueling = true, Noisy = true, Values = ValueKind.Categorical, LayerNorm = true }, seed),
            "iqn" => new DqnAgent(Mazes(4, 4), options with { Values = ValueKind.Implicit, Atoms = 8 }, seed),
            "qr" => new DqnAgent(Mazes(4, 4), options with { Values = ValueKind.Quantile, Atoms = 8 }, seed),
            _ => new DqnAgent(Mazes(4, 4), options, seed),
        };
    }

    private static SyncVectorEnvironment<float, int> Mazes(int copies, int length) =>
        new(copies, () => new TMazeSource { Length = length }.Create<float, int>(), AutoresetMode.SameStep);

    private static double Turned(IAgent<int> agent)
    {
        using (agent)
        {
            while (agent.Step < 5000) agent.Advance();
            return EpisodeEvaluation.Run(agent, () => new TMazeSource { Length = 3 }.Create<float, int>(), 100, 9).Mean;
        }
    }
}
