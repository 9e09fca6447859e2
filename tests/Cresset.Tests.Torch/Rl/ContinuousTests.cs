using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>SAC, TQC, TD3 and DDPG: densities and gradients against references, learning, resuming bit for bit, refusals.</summary>
public sealed class ContinuousTests
{
    private static readonly JsonElement Reference = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "References", "rl", "continuous.json"))).RootElement;

    public static TheoryData<string> Agents => ["sac", "sac-state-dependent", "tqc", "td3", "ddpg"];

    [Fact]
    public void SquashedDensitiesEqualTheReference()
    {
        foreach (var row in Reference.GetProperty("squashed").EnumerateArray())
        {
            var (u, mean, log, expected) = (row[0].GetSingle(), row[1].GetSingle(), row[2].GetSingle(), row[3].GetDouble());
            Assert.Equal(expected, SquashedGaussian.LogProb(u, mean, log), 1e-5 * Math.Max(1, Math.Abs(expected)));
        }
        // The density integrates to 1 over (-1, 1).
        var mass = 0.0;
        for (var u = -8.0; u < 8; u += 0.001)
            mass += 0.001 * Math.Exp(SquashedGaussian.LogProb((float)u, 0.4f, -0.3f) + SquashedGaussian.LogSlope((float)u));
        Assert.Equal(1, mass, 1e-4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PolicyGradientsEqualDifferences(bool stateDependent)
    {
        const int Rows = 6, Size = 2;
        var options = new SacOptions { Hidden = [7, 5], BatchSize = Rows, StateDependentNoise = stateDependent, InitialLogDeviation = -1 };
        SquashedPolicy policy = stateDependent
            ? new StateDependentPolicy(3, Size, 1, options, new RandomStream(1))
            : new GaussianPolicy(3, Size, 1, options, new RandomStream(1));
        var random = new RandomStream(2);
        var observations = new float[Rows * 3];
        var weights = new float[Rows * Size];
        foreach (ref var value in observations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in weights.AsSpan()) value = (float)(random.NextNormal() / Rows);
        var (actions, logs) = (new float[Rows * Size], new float[Rows]);
        // mean of 0.3 log p + a weighted sum of the actions, with the same noise each time.
        double Loss()
        {
            policy.Draw(observations, Rows, new RandomStream(3), actions, logs, keep: true);
            var sum = 0.3 * logs.Average(l => (double)l);
            for (var i = 0; i < actions.Length; i++) sum += weights[i] * actions[i];
            return sum;
        }
        Loss();
        policy.ComputeGradients(weights, Rows, 0.3f);
        var network = policy.Network;
        var gradients = network.Gradients.ToArray();
        var checkedOnes = 0;
        foreach (var layer in network.Layers)
        {
            for (var k = 0; k < layer.Inputs * layer.Outputs; k += 3)
            {
                var at = layer.Weight + (k / layer.Outputs * layer.Stride) + (k % layer.Outputs);
                var old = network.Parameters[at];
                double Shifted(float by)
                {
                    network.Parameters[at] = old + by;
                    network.ParametersChanged();
                    return Loss();
                }
                var (above, middle, below) = (Shifted(5e-3f), Shifted(0), Shifted(-5e-3f));
                Shifted(0);
                // A unit of the network that changes its side within the step bends the loss: the two halves differ.
                var (right, left) = ((above - middle) / 5e-3, (middle - below) / 5e-3);
                if (Math.Abs(right - left) > 4e-3 + (0.04 * Math.Abs(right + left) / 2)) continue;
                var slope = (above - below) / 1e-2;
                Assert.Equal(slope, gradients[at], 2e-3 + (0.02 * Math.Abs(slope)));
                checkedOnes += Math.Abs(slope) > 1e-3 ? 1 : 0;
            }
        }
        Assert.True(checkedOnes > 8);
        if (policy is not StateDependentPolicy free) return;
        var logGradients = free.LogGradients.ToArray();
        for (var k = 0; k < logGradients.Length; k++)
        {
            var old = free.LogDeviations[k];
            double Shifted(float by)
            {
                free.LogDeviations[k] = old + by;
                return Loss();
            }
            var slope = (Shifted(1e-2f) - Shifted(-1e-2f)) / 2e-2;
            free.LogDeviations[k] = old;
            Assert.Equal(slope, logGradients[k], 2e-3 + (0.02 * Math.Abs(slope)));
        }
    }

    [Fact]
    public void CriticsGiveTheirSlopeByTheAction()
    {
        var options = new SacOptions { Hidden = [8, 6], BatchSize = 3 };
        var critics = new CriticEnsemble(2, 2, options, 2, 1, new RandomStream(4));
        float[] observations = [0.1f, -0.4f, 0.9f, 0.2f, -1, 0.5f];
        float[] actions = [0.3f, -0.2f, 0.7f, 0.1f, -0.6f, 0.4f];
        double Sum()
        {
            critics.Forward(observations, actions, 3);
            return Enumerable.Range(0, 3).Sum(i => critics.Values(0, i)[0] - (2 * critics.Values(1, i)[0]));
        }
        Sum();
        for (var i = 0; i < 3; i++) (critics.Slopes(0, i)[0], critics.Slopes(1, i)[0]) = (1, -2);
        var before = critics.Networks[0].Gradients.ToArray();
        var gradient = new float[6];
        critics.ActionGradient(2, 3, gradient);
        Assert.Equal(before, critics.Networks[0].Gradients.ToArray());
        for (var k = 0; k < actions.Length; k++)
        {
            var old = actions[k];
            actions[k] = old + 5e-3f;
            var above = Sum();
            actions[k] = old - 5e-3f;
            Assert.Equal((above - Sum()) / 1e-2, gradient[k], 1e-3);
            actions[k] = old;
        }
    }

    [Fact]
    public void TheTruncatedTargetEqualsTheReference()
    {
        var expected = Reference.GetProperty("truncated").EnumerateArray().Select(v => v.GetSingle()).ToArray();
        var kept = SacLearner.Truncate([0.3f, -1.2f, 4, 2, 1.1f, 0.9f, -0.4f, 7.5f], dropped: 2, 0.5f, 0.9f, -0.25f);
        Assert.Equal(expected, kept.ToArray(), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void EveryAgentLearnsToReachAPoint(string kind)
    {
        using var agent = Make(kind, new Reach(), seed: 3, learning: true);
        var before = EpisodeEvaluation.Run(agent, () => new TimeLimit<float, float>(new Reach(), 20), 20, 5).Mean;
        while (agent.Step < 1500) agent.Advance();
        var after = EpisodeEvaluation.Run(agent, () => new TimeLimit<float, float>(new Reach(), 20), 50, 5).Mean;
        // Standing still costs about 10 an episode, the best policy about 2.
        Assert.True(after > -4 && after > before, $"{kind}: {before:0.0} before, {after:0.0} after");
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        using var whole = Make(kind, new Reach(), seed: 7, learning: false);
        while (whole.Step < 120) whole.Advance();
        using var part = Make(kind, new Reach(), seed: 7, learning: false);
        while (part.Step < 70) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(kind, new Reach(), seed: 99, learning: false);
        state.Restore(resumed);
        while (resumed.Step < 120) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        resumed.SavePolicy(policy);
        using var player = Make(kind, new Reach(), seed: 1, learning: false);
        player.LoadPolicy(policy);
        var (first, second) = (new float[1], new float[1]);
        whole.Act([0.3f, -0.2f], 1, first);
        player.Act([0.3f, -0.2f], 1, second);
        Assert.Equal(first, second);
    }

    [Fact]
    public void ActionsStayWithinUnevenBounds()
    {
        var world = new Reach();
        using var agent = Make("sac", world, seed: 2, learning: false);
        for (var i = 0; i < 100; i++) agent.Advance();
        Assert.InRange(world.Lowest, -0.5f, -0.2f);
        Assert.InRange(world.Highest, 0.6f, 1.5f);
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        static SyncVectorEnvironment<float, float> Open() => new(1, () => new ClipAction<float>(new Reach()), AutoresetMode.SameStep);
        Assert.Contains("need finite ones", Assert.Throws<ArgumentException>(() => new SacAgent(Open(), new(), 1)).Message,
            StringComparison.Ordinal);
        static SyncVectorEnvironment<float, float> Late() => new(1, () => new TimeLimit<float, float>(new Reach(), 5));
        Assert.Contains("SameStep", Assert.Throws<ArgumentException>(() => new Td3Agent(Late(), new(), 1)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOptionsException>(() => new SacOptions { Temperature = double.NaN }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new SacOptions { Quantiles = 5, DroppedQuantiles = 5 }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new Td3Options { Exploration = new NormalNoise { Deviation = -1 } }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new SacOptions { Replay = new() { Prioritized = true } }.ThrowIfInvalid());
        using var sac = Make("sac", new Reach(), 1, learning: false);
        using var tqc = Make("tqc", new Reach(), 1, learning: false);
        using var state = new Snapshot();
        sac.Save(state);
        Assert.Contains("quantiles", Assert.Throws<InvalidDataException>(() => tqc.Load(state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoiseThatHangsTogetherHasItsStationaryDeviation()
    {
        var noise = new OrnsteinUhlenbeckNoise { Theta = 1, Sigma = 0.5, StepTime = 0.05 };
        var random = new RandomStream(8);
        var (state, value, squares, products, last) = (new float[1], new float[1], 0.0, 0.0, 0.0);
        for (var i = 0; i < 40_000; i++)
        {
            noise.Draw(state, random, value);
            squares += value[0] * value[0] / 40_000.0;
            products += value[0] * last / 40_000.0;
            last = value[0];
        }
        // Of the discrete recursion x' = (1 - theta dt) x + sigma sqrt(dt) N: variance sigma^2 dt / (1 - (1 - theta dt)^2).
        Assert.Equal(0.25 * 0.05 / (1 - (0.95 * 0.95)), squares, 0.02);
        Assert.Equal(0.95, products / squares, 0.01);
    }

    private static OffPolicyAgent Make(string kind, Reach world, ulong seed, bool learning)
    {
        var copies = new SyncVectorEnvironment<float, float>(1, () => new TimeLimit<float, float>(world, 20), AutoresetMode.SameStep);
        var sac = new SacOptions
        {
            Hidden = [32, 32],
            BatchSize = 32,
            LearningStarts = learning ? 200 : 20,
            LearningRate = StepSizeRule.Constant(3e-3),
            TargetShare = 0.02,
            Gamma = 0.9,
            Replay = new() { Capacity = 5000 }
        };
        var td3 = new Td3Options
        {
            Hidden = [32, 32],
            BatchSize = 32,
            LearningStarts = sac.LearningStarts,
            LearningRate = StepSizeRule.Constant(2e-3),
            TargetShare = 0.02,
            Gamma = 0.9,
            Replay = sac.Replay
        };
        return kind switch
        {
            "sac" => new SacAgent(copies, sac, seed),
            "sac-state-dependent" =>
                new SacAgent(copies,
                    sac with { StateDependentNoise = true, InitialLogDeviation = -2, TrainEvery = 4, UpdatesPerTraining = 4 }, seed),
            "tqc" => new SacAgent(copies, sac with { Quantiles = 5, DroppedQuantiles = 1 }, seed),
            "td3" => new Td3Agent(copies, td3, seed),
            _ => new Td3Agent(copies,
                td3 with { Critics = 1, PolicyDelay = 1, TargetNoise = 0, Exploration = new OrnsteinUhlenbeckNoise { StepTime = 0.1 } },
                seed),
        };
    }

    /// <summary>A point on a line that shall be moved to 0; actions are from -0.5 to 1.5 and the middle of them stands still.</summary>
    private sealed class Reach() : Environment<float, float>(new Box(-3, 3, 2), new Box(-0.5f, 1.5f, 1))
    {
        private float _at;
        private float _speed;

        public float Lowest { get; private set; }

        public float Highest { get; private set; }

        protected override void Begin() => (_at, _speed) = ((float)Random.Uniform(-1, 1), 0);

        protected override StepOutcome Advance(ReadOnlySpan<float> action)
        {
            (Lowest, Highest) = (Math.Min(Lowest, action[0]), Math.Max(Highest, action[0]));
            _speed = 0.4f * (action[0] - 0.5f);
            _at = Math.Clamp(_at + _speed, -3, 3);
            return new StepOutcome(-Math.Abs(_at), Terminated: false);
        }

        protected override void Observe(Span<float> observation) => (observation[0], observation[1]) = (_at, _speed);

        protected override void SaveState(BinaryWriter writer)
        {
            writer.Write(_at);
            writer.Write(_speed);
        }

        protected override void LoadState(BinaryReader reader) => (_at, _speed) = (reader.ReadSingle(), reader.ReadSingle());
    }
}
