using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>
/// SAC, TQC and TD3 over convolutions, SAC over choices and PQN: learning, resuming bit for bit, what the critics hand back. No leak check:
/// TorchSharp's convolutions leave a tensor each behind when they are made.
/// </summary>
public sealed class PictureControlTests
{
    public static TheoryData<string> Agents => ["sac", "sac-state-dependent", "tqc", "td3", "own"];

    [Theory]
    [InlineData("td3", 1200)]
    [InlineData("sac", 900)]
    [InlineData("tqc", 900)]
    [InlineData("own", 600)]
    public void PicturesAreLearnedFrom(string kind, int steps)
    {
        using var agent = Make(kind, seed: 4, learn: true);
        while (agent.Step < steps) agent.Advance();
        // Who does not look cannot do better than -4: the place is 1 or -1, four times an episode.
        var found = EpisodeEvaluation.Run(agent, () => new Aim(), 20, 9).Mean;
        Assert.True(found > -2, $"mean return {found}");
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        using var whole = Make(kind, seed: 7);
        while (whole.Step < 60) whole.Advance();
        using var part = Make(kind, seed: 7);
        while (part.Step < 40) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(kind, seed: 1);
        state.Restore(resumed);
        while (resumed.Step < 60) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        using var player = Make(kind, seed: 3);
        player.LoadPolicy(policy);
        Assert.Equal(EpisodeEvaluation.Run(whole, () => new Aim(), 5, 2).Returns,
            EpisodeEvaluation.Run(player, () => new Aim(), 5, 2).Returns);
    }

    [Fact]
    public void ChoicesAreLearnedFromPicturesAndResumed()
    {
        static DiscreteSacAgent Make(ulong seed) => new(
            new SyncVectorEnvironment<float, int>(2, () => new Beacon(255), AutoresetMode.SameStep), new DiscreteSacOptions
            {
                Encoder = ObservationEncoder.Conv,
                Device = "cpu",
                Hidden = [32],
                BatchSize = 16,
                Gamma = 0,
                LearningStarts = 40,
                TrainEvery = 2,
                InitialTemperature = 0.1,
                Replay = new() { Capacity = 1000, Storage = ReplayStorage.Uint8 },
                LearningRate = StepSizeRule.Constant(3e-3),
            }, seed);
        using var whole = Make(4);
        while (whole.Step < 100) whole.Advance();
        using var state = new Snapshot();
        whole.Save(state);
        using var resumed = Make(1);
        state.Restore(resumed);
        while (whole.Step < 160) whole.Advance();
        while (resumed.Step < 160) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        while (whole.Step < 600) whole.Advance();
        Assert.Equal(4, EpisodeEvaluation.Run(whole, () => new Beacon(255), 30, 9).Mean, 0.2);
    }

    [Fact]
    public void CriticsHandBackTheGradientByWhatTheyRead()
    {
        const int Rows = 3;
        var options = new SacOptions { Hidden = [6], BatchSize = Rows };
        var critics = new CriticEnsemble(2, 1, options, 2, 1, new RandomStream(4));
        var random = new RandomStream(5);
        var (observations, actions) = (new float[Rows * 2], new float[Rows]);
        foreach (ref var value in observations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in actions.AsSpan()) value = (float)random.NextNormal();
        double Loss()
        {
            critics.Forward(observations, actions, Rows);
            var sum = 0.0;
            for (var i = 0; i < Rows; i++) sum += (critics.Values(0, i)[0] * (i + 1)) - (critics.Values(1, i)[0] * 0.5);
            return sum;
        }
        var found = new float[Rows * 2];
        Loss();
        for (var i = 0; i < Rows; i++) (critics.Slopes(0, i)[0], critics.Slopes(1, i)[0]) = (i + 1, -0.5f);
        critics.Step(0, found);
        for (var at = 0; at < observations.Length; at++)
        {
            var value = observations[at];
            observations[at] = value + 1e-2f;
            var above = Loss();
            observations[at] = value - 1e-2f;
            var below = Loss();
            observations[at] = value;
            Assert.Equal((above - below) / 2e-2, found[at], 2e-3);
        }
    }

    [Fact]
    public void OnlyTheCriticsTeachTheEncoderAndItsTargetFollows()
    {
        using var encoder = new RowEncoder(2, () => nn.Linear(2, 3), "cpu", 2, new RandomStream(1));
        var batch = new ReplayBatch(2, 2);
        ((float[])[1, 2, 3, 4]).CopyTo(batch.Observations, 0);
        ((float[])[-1, 0, 0, 1]).CopyTo(batch.NextObservations, 0);
        encoder.Encode(batch);
        Assert.Equal(encoder.Next, encoder.NextByTarget);
        var before = encoder.Here.ToArray();
        encoder.Slopes[4] = 2;
        // The second row's second feature alone: its weights' gradient is 2 x, its bias's 2.
        Assert.Equal(Math.Sqrt(36 + 64 + 4), encoder.Step(0.1), 1e-4);
        encoder.Encode(batch);
        for (var i = 0; i < before.Length; i++)
        {
            if (i % 3 == 1) Assert.True(encoder.Here[i] < before[i]);
            else Assert.Equal(before[i], encoder.Here[i]);
        }
        Assert.NotEqual(encoder.Next, encoder.NextByTarget);
        encoder.Follow(1);
        encoder.Encode(batch);
        Assert.Equal(encoder.Next, encoder.NextByTarget);
        Assert.All(encoder.Slopes, slope => Assert.Equal(0, slope));
    }

    [Fact]
    public void PqnReadsPictures()
    {
        using var agent = new PqnAgent(new SyncVectorEnvironment<float, int>(4, () => new Beacon(255), AutoresetMode.SameStep),
            new PqnOptions
            {
                Encoder = ObservationEncoder.Conv,
                Hidden = [16],
                RolloutSteps = 8,
                Minibatches = 1,
                Gamma = 0,
                LearningRate = StepSizeRule.Constant(3e-3),
                Exploration = StepSizeRule.Linear(1, 0.1, 800),
                Device = "cpu",
            }, 4);
        while (agent.Step < 1600) agent.Advance();
        Assert.Equal(4, EpisodeEvaluation.Run(agent, () => new Beacon(255), 30, 9).Mean, 0.2);
        Assert.Contains("need pictures",
            Assert.Throws<ArgumentException>(
                () => new SacAgent(new SyncVectorEnvironment<float, float>(1, () => new Pendulum(), AutoresetMode.SameStep),
                    new SacOptions { Encoder = ObservationEncoder.Conv }, 1)).Message, StringComparison.Ordinal);
    }

    private static IAgent<float> Make(string kind, ulong seed, bool learn = false)
    {
        var copies = new SyncVectorEnvironment<float, float>(2, () => new Aim(), AutoresetMode.SameStep);
        var sac = new SacOptions
        {
            Encoder = kind == "own" ? ObservationEncoder.Mlp : ObservationEncoder.Conv,
            Device = "cpu",
            Hidden = [learn ? 64 : 16],
            BatchSize = learn ? 32 : 8,
            Gamma = 0,
            LearningStarts = 20,
            TrainEvery = learn ? 1 : 2,
            Replay = new() { Capacity = 1000, Storage = ReplayStorage.Uint8 },
            LearningRate = StepSizeRule.Constant(1e-3),
            InitialTemperature = 0.02,
        };
        return kind switch
        {
            "own" => new SacAgent(copies, sac, seed,
                () => nn.Sequential(("scale", new Dimmer()), ("dense", nn.Linear(64, 8)), ("relu", nn.ReLU()))),
            "td3" => new Td3Agent(copies,
                new Td3Options
                {
                    Encoder = sac.Encoder,
                    Device = "cpu",
                    Hidden = sac.Hidden,
                    BatchSize = sac.BatchSize,
                    Gamma = 0,
                    LearningStarts = 20,
                    TrainEvery = sac.TrainEvery,
                    Replay = sac.Replay,
                    LearningRate = sac.LearningRate,
                }, seed),
            "tqc" => new SacAgent(copies, sac with { Quantiles = 5 }, seed),
            _ => new SacAgent(copies, sac with { StateDependentNoise = kind != "sac" }, seed),
        };
    }

    private sealed class Dimmer() : nn.Module<Tensor, Tensor>(nameof(Dimmer))
    {
        public override Tensor forward(Tensor input) => input / 255;
    }

    /// <summary>A picture with one bright half; the action should be -1 for the left and 1 for the right, at the miss squared.</summary>
    private sealed class Aim() : Environment<float, float>(
        new Box(new float[64], Enumerable.Repeat(255f, 64).ToArray(), [1, 8, 8]), new Box(-1, 1, 1))
    {
        private int _side;
        private int _turn;

        protected override void Begin() => (_turn, _side) = (0, Random.NextInt32(2));

        protected override StepOutcome Advance(ReadOnlySpan<float> action)
        {
            var miss = action[0] - ((2 * _side) - 1);
            _side = Random.NextInt32(2);
            return new StepOutcome(-miss * miss, ++_turn == 4);
        }

        protected override void Observe(Span<float> observation)
        {
            for (var i = 0; i < 64; i++) observation[i] = i % 8 / 4 == _side ? 255 : 0;
        }

        protected override void SaveState(BinaryWriter writer)
        {
            writer.Write(_side);
            writer.Write(_turn);
        }

        protected override void LoadState(BinaryReader reader) => (_side, _turn) = (reader.ReadInt32(), reader.ReadInt32());
    }
}
