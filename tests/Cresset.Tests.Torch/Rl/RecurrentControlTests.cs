using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// SAC, TQC, TD3 and SAC over choices with a memory: stretches against steps one by one, a world that needs it, resuming bit for bit.
/// </summary>
[LeakFree]
public sealed class RecurrentControlTests
{
    public static TheoryData<string> Agents => ["sac", "sac-state-dependent", "tqc", "td3", "sac-discrete"];

    [Fact]
    public void StretchesAreReadAsStepsOneByOne()
    {
        const int Count = 2, Steps = 3, BurnIn = 2, Size = 3, Units = 4;
        using var encoder = new MemoryEncoder(Size, Units, "cpu", Count * Steps, new RandomStream(1));
        Assert.Equal(Size + Units, encoder.Features);
        var stretches = new StretchBatch(Count * Steps, Steps, BurnIn, Size, 1, 0, Units);
        var random = new RandomStream(2);
        foreach (ref var value in stretches.All.Observations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in stretches.All.NextObservations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in stretches.Stretches.Memory.AsSpan()) value = (float)random.Uniform(-1, 1);
        // An episode begins within the burn-in of the first stretch, and one among the learned steps of the second.
        (stretches.Stretches.Begins[1], stretches.Stretches.Begins[8]) = (true, true);
        var to = 0;
        for (var row = 0; row < stretches.All.Size; row++)
        {
            if (row % 5 >= BurnIn) stretches.Learned.Take(stretches.All, row, to++);
        }
        Assert.Equal(stretches.Learned.Size, to);
        void Check(bool targetIsTheSame)
        {
            encoder.Encode(stretches.Learned, stretches);
            for (var (s, at) = (0, 0); s < Count; s++)
            {
                var memory = stretches.Stretches.Memory.AsSpan(s * Units, Units).ToArray();
                for (var t = 0; t < BurnIn + Steps; t++)
                {
                    var row = (s * (BurnIn + Steps)) + t;
                    if (stretches.Stretches.Begins[row]) Array.Clear(memory);
                    var here = encoder.Act(stretches.All.Observations.AsSpan(row * Size, Size), 1, memory).ToArray();
                    if (t < BurnIn) continue;
                    Assert.Equal(memory, here[Size..]);
                    var after = encoder.Act(stretches.All.NextObservations.AsSpan(row * Size, Size), 1, [.. memory]).ToArray();
                    Near(here, encoder.Here, at);
                    Near(after, encoder.Next, at);
                    if (targetIsTheSame) Near(after, encoder.NextByTarget, at);
                    at++;
                }
            }
        }
        void Near(float[] expected, float[] found, int row)
        {
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[(row * encoder.Features) + i], 1e-5);
        }
        Check(targetIsTheSame: true);
        // The observation itself teaches nothing; what is remembered does.
        for (var row = 0; row < Count * Steps; row++) encoder.Slopes.AsSpan(row * encoder.Features, Size).Fill(1);
        Assert.Equal(0, encoder.Step(0.1));
        encoder.Encode(stretches.Learned, stretches);
        encoder.Slopes.AsSpan().Fill(1);
        Assert.True(encoder.Step(0.1) > 0.1);
        var before = encoder.NextByTarget.ToArray();
        Check(targetIsTheSame: false);
        Assert.Equal(before, encoder.NextByTarget);
        Assert.NotEqual(encoder.Next, encoder.NextByTarget);
        encoder.Follow(1);
        Check(targetIsTheSame: true);
        // A row by itself is the first of an episode.
        Assert.Equal(encoder.Act([1, 2, 3], 1, new float[Units]).ToArray(), encoder.Act([1, 2, 3], 1, []).ToArray());
    }

    [Fact]
    public void TheMemoryLearnsByItsGradient()
    {
        // One stretch of three steps; the sum of what is remembered after them goes up by the square of the gradient's norm.
        using var encoder = new MemoryEncoder(2, 3, "cpu", 3, new RandomStream(4));
        var stretches = new StretchBatch(3, 3, 0, 2, 1, 0, 3);
        var random = new RandomStream(5);
        foreach (ref var value in stretches.All.Observations.AsSpan()) value = (float)random.NextNormal();
        for (var row = 0; row < 3; row++) stretches.Learned.Take(stretches.All, row, row);
        double Sum()
        {
            encoder.Encode(stretches.Learned, stretches);
            return Enumerable.Range(0, 15).Where(i => i % 5 >= 2).Sum(i => (double)encoder.Here[i]);
        }
        var before = Sum();
        for (var step = 0; step < 30; step++)
        {
            Sum();
            encoder.Slopes.AsSpan().Fill(-1);
            encoder.Step(1e-2);
        }
        Assert.True(Sum() > before + 1, $"{before}, then {Sum()}");
    }

    [Theory]
    [InlineData("sac")]
    [InlineData("td3")]
    public void TheSignIsRemembered(string kind)
    {
        var found = Learned(kind, 8);
        Assert.True(found > -0.3, $"{found}");
        // Who remembers nothing does best in the middle, which costs 1.
        Assert.True(Learned(kind, 0) < -0.9);
    }

    [Fact]
    public void ChoicesRememberTheSign()
    {
        Assert.True(Turned(16) > 0.95);
        Assert.InRange(Turned(0), 0.3, 0.7);

        static double Turned(int memory)
        {
            using var agent = new DiscreteSacAgent(Mazes(4), new DiscreteSacOptions
            {
                Memory = memory,
                Hidden = [16],
                BatchSize = 64,
                SequenceSteps = 8,
                BurnIn = 2,
                LearningStarts = 200,
                TrainEvery = 8,
                TargetShare = 0.05,
                TargetEntropyShare = 0.2,
                InitialTemperature = 0.1,
                Replay = new() { Capacity = 4000 },
                LearningRate = StepSizeRule.Constant(5e-3),
                Device = "cpu",
            }, 3);
            while (agent.Step < 5000) agent.Advance();
            return EpisodeEvaluation.Run(agent, Maze, 100, 9).Mean;
        }
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        if (kind == "sac-discrete") Resume(Choosing, Maze);
        else Resume((seed, memory) => Make(kind, seed, memory), () => new Echo());
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        static void Refused(OffPolicyOptions options, string words)
            => Assert.Contains(options.Validate(), p => $"{p.Hint} {p}".Contains(words, StringComparison.Ordinal));
        var options = new SacOptions { Memory = 4 };
        Assert.Empty(options.Validate());
        Refused(options with { Replay = new() { NStep = 3 } }, "stretches of single steps");
        Refused(options with { Replay = new() { Hindsight = 4 } }, "stretches of single steps");
        Refused(options with { Replay = new() { Data = "a" } }, "stretches of single steps");
        Refused(options with { Encoder = ObservationEncoder.Conv }, "frame-stack");
        Refused(options with { BatchSize = 40 }, "multiple of sequence_steps");
        Refused(new Td3Options { Memory = -1 }, "65536");
        var echoes = new SyncVectorEnvironment<float, float>(4, () => new Echo(), AutoresetMode.SameStep);
        Assert.Contains("burn_in",
            Assert.Throws<ArgumentException>(
                () => new SacAgent(echoes, options with { Replay = new() { Capacity = 90 }, BatchSize = 16 }, 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("do not go together",
            Assert.Throws<ArgumentException>(() => new Td3Agent(echoes, new Td3Options { Memory = 4 }, 1, () => nn.Identity())).Message,
            StringComparison.Ordinal);
        using var agent = Make("sac", 1, 6);
        Assert.Contains("are remembered",
            Assert.Throws<ArgumentException>(() => agent.Act(new float[2], 1, new float[1], [], new float[3])).Message,
            StringComparison.Ordinal);
    }

    private static void Resume<TAction>(Func<ulong, int, IAgent<TAction>> make, Func<IEnvironment<float, TAction>> world)
        where TAction : unmanaged
    {
        using var whole = make(7, 6);
        while (whole.Step < 160) whole.Advance();
        using var part = make(7, 6);
        while (part.Step < 92) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = make(1, 6);
        state.Restore(resumed);
        while (resumed.Step < 160) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        Assert.Contains("encoder.memory.weight_hh", policy.Tensors.Keys);
        using var player = make(3, 6);
        player.LoadPolicy(policy);
        Assert.Equal(EpisodeEvaluation.Run(whole, world, 5, 2).Returns, EpisodeEvaluation.Run(player, world, 5, 2).Returns);
        using var other = make(1, 5);
        Assert.ThrowsAny<InvalidDataException>(() => state.Restore(other));
    }

    private static double Learned(string kind, int memory)
    {
        using var agent = Make(kind, 3, memory, learn: true);
        while (agent.Step < 1600) agent.Advance();
        return EpisodeEvaluation.Run(agent, () => new Echo(), 50, 9).Mean;
    }

    private static IAgent<float> Make(string kind, ulong seed, int memory, bool learn = false)
    {
        var echoes = new SyncVectorEnvironment<float, float>(4, () => new Echo(), AutoresetMode.SameStep);
        var sac = new SacOptions
        {
            Memory = memory,
            Device = "cpu",
            Hidden = [learn ? 32 : 8],
            BatchSize = learn ? 64 : 16,
            SequenceSteps = learn ? 8 : 4,
            BurnIn = learn ? 2 : 3,
            Gamma = 0.5,
            LearningStarts = learn ? 200 : 40,
            TrainEvery = learn ? 4 : 8,
            TargetShare = 0.02,
            Replay = new() { Capacity = learn ? 4000 : 120 },
            LearningRate = StepSizeRule.Constant(5e-3),
            InitialTemperature = 0.05,
        };
        return kind switch
        {
            "td3" => new Td3Agent(echoes, new Td3Options
            {
                Memory = memory,
                Device = "cpu",
                Hidden = sac.Hidden,
                BatchSize = sac.BatchSize,
                SequenceSteps = sac.SequenceSteps,
                BurnIn = sac.BurnIn,
                Gamma = sac.Gamma,
                LearningStarts = sac.LearningStarts,
                TrainEvery = sac.TrainEvery,
                TargetShare = sac.TargetShare,
                Replay = sac.Replay,
                LearningRate = sac.LearningRate,
            }, seed),
            "tqc" => new SacAgent(echoes, sac with { Quantiles = 5 }, seed),
            _ => new SacAgent(echoes, sac with { StateDependentNoise = kind == "sac-state-dependent" }, seed),
        };
    }

    private static DiscreteSacAgent Choosing(ulong seed, int memory) => new(Mazes(4), new DiscreteSacOptions
    {
        Memory = memory,
        Hidden = [8],
        BatchSize = 16,
        SequenceSteps = 4,
        BurnIn = 3,
        LearningStarts = 40,
        TrainEvery = 8,
        Replay = new() { Capacity = 120 },
        Device = "cpu",
    }, seed);

    private static IEnvironment<float, int> Maze() => new TMazeSource { Length = 3 }.Create<float, int>();

    private static SyncVectorEnvironment<float, int> Mazes(int copies) => new(copies, Maze, AutoresetMode.SameStep);

    /// <summary>Shows a sign once, and three steps later wants it back as the action, at the miss squared.</summary>
    private sealed class Echo() : Environment<float, float>(new Box(-1, 1, 2), new Box(-1, 1, 1))
    {
        private const int Last = 3;
        private float _sign;
        private int _turn;

        protected override void Begin() => (_turn, _sign) = (0, (2 * Random.NextInt32(2)) - 1);

        protected override StepOutcome Advance(ReadOnlySpan<float> action)
        {
            var miss = action[0] - _sign;
            return _turn++ == Last ? new StepOutcome(-miss * miss, true) : new StepOutcome(0, false);
        }

        protected override void Observe(Span<float> observation) =>
            (observation[0], observation[1]) = (_turn == 0 ? _sign : 0, _turn == Last ? 1 : 0);

        protected override void SaveState(BinaryWriter writer)
        {
            writer.Write(_sign);
            writer.Write(_turn);
        }

        protected override void LoadState(BinaryReader reader) => (_sign, _turn) = (reader.ReadSingle(), reader.ReadInt32());
    }
}
