using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>SAC over choices: updates against PyTorch, masks, the learned temperature, resuming bit for bit, refusals.</summary>
[LeakFree]
public sealed class DiscreteSacTests
{
    private static readonly JsonElement Reference =
        JsonDocument.Parse(File.ReadAllText(Repository.Reference("rl/discrete_sac.json"))).RootElement;

    public static TheoryData<string> Agents => ["plain", "masks", "fixed", "own"];

    [Fact]
    public void UpdatesEqualPyTorch()
    {
        var settings = Reference.GetProperty("options");
        var (rows, hidden) = ((int)settings.Number("rows"), (int)settings.Number("hidden"));
        int[] widths = [3, hidden, 4];
        var options = new DiscreteSacOptions
        {
            Hidden = [hidden],
            BatchSize = rows,
            TargetShare = settings.Number("follow"),
            TargetEntropyShare = settings.Number("share"),
            InitialTemperature = settings.Number("start"),
        };
        using var learner = new DiscreteSacLearner(3, 4, 1, options, new RandomStream(1));
        void Load(MlpNetwork network, JsonElement weights)
        {
            using var state = DeepReference.State(weights, "", widths);
            MlpStateDict.Load(network, state);
        }
        void Same(MlpNetwork network, JsonElement weights, double tolerance)
        {
            using var state = new Snapshot();
            MlpStateDict.Save(network, state);
            foreach (var entry in weights.EnumerateObject())
            {
                var expected = entry.Value.EnumerateArray().Select(v => v.GetDouble()).ToArray();
                var found = state.Tensors[entry.Name].data<float>().ToArray();
                for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], tolerance);
            }
        }
        void SameGradients(MlpNetwork network, JsonElement gradients)
        {
            for (var l = 0; l < network.Layers.Length; l++)
            {
                var layer = network.Layers[l];
                var (weight, bias) = (gradients.Doubles($"layers.{l}.weight"), gradients.Doubles($"layers.{l}.bias"));
                for (var o = 0; o < layer.Outputs; o++)
                {
                    Assert.Equal(bias[o], network.Gradients[layer.Bias + o], 2e-4);
                    for (var i = 0; i < layer.Inputs; i++)
                        Assert.Equal(weight[(o * layer.Inputs) + i], network.Gradients[layer.Weight + (i * layer.Stride) + o], 2e-4);
                }
            }
        }
        Load(learner.Policy, Reference.GetProperty("policy"));
        for (var c = 0; c < 2; c++)
        {
            Load(learner.Critics.Networks[c], Reference.GetProperty("critics")[c]);
            Load(learner.Critics.Targets[c], Reference.GetProperty("targets")[c]);
        }
        var batch = new ReplayBatch(rows, 3, maskSize: 4);
        foreach (var update in Reference.GetProperty("updates").EnumerateArray())
        {
            update.Floats("here").CopyTo(batch.Observations, 0);
            update.Floats("next").CopyTo(batch.NextObservations, 0);
            update.Flags("mask").CopyTo(batch.Masks, 0);
            update.Flags("next_mask").CopyTo(batch.NextMasks, 0);
            update.Ints("actions").CopyTo(batch.Actions, 0);
            update.Floats("returns").CopyTo(batch.Returns, 0);
            update.Floats("discounts").CopyTo(batch.Discounts, 0);
            var figures = new LearningFigures();
            var (loss, norm) = learner.Update(batch, settings.Number("rate"), figures);
            Assert.Equal(update.Number("loss"), loss, 2e-4);
            var squares = update.GetProperty("by_critics").EnumerateArray()
                .SelectMany(c => c.EnumerateObject().SelectMany(g => g.Value.EnumerateArray())).Sum(g => g.GetDouble() * g.GetDouble());
            Assert.Equal(Math.Sqrt(squares), norm, 1e-3);
            var found = new Dictionary<string, double>();
            figures.Report(found.Add);
            foreach (var name in (string[])["policy_loss", "entropy", "temperature", "temperature_loss"])
                Assert.Equal(update.Number(name), found[name], 2e-5);
            for (var c = 0; c < 2; c++) SameGradients(learner.Critics.Networks[c], update.GetProperty("by_critics")[c]);
            SameGradients(learner.Policy, update.GetProperty("by_policy"));
        }
        var after = Reference.GetProperty("after");
        Assert.Equal(after.Number("temperature"), learner.Temperature, 1e-6);
        Same(learner.Policy, after.GetProperty("policy"), 5e-5);
        for (var c = 0; c < 2; c++)
        {
            Same(learner.Critics.Networks[c], after.GetProperty("critics")[c], 5e-5);
            Same(learner.Critics.Targets[c], after.GetProperty("targets")[c], 5e-5);
        }
    }

    [Fact]
    public void WhatIsNotAllowedIsNeitherDrawnNorBest()
    {
        using var learner = new DiscreteSacLearner(2, 3, 1, new DiscreteSacOptions { Hidden = [4], BatchSize = 2 }, new RandomStream(2));
        bool[] masks = [true, false, true, false, true, false];
        float[] observations = [0.4f, -1, 0.4f, -1];
        var (actions, random, seen) = (new int[2], new RandomStream(3), new HashSet<int>());
        for (var draw = 0; draw < 200; draw++)
        {
            learner.Act(observations, 2, actions, masks, random);
            seen.Add(actions[0]);
            Assert.Equal(1, actions[1]);
        }
        Assert.Equal([0, 2], seen.Order());
        learner.Act(observations, 2, actions, masks, null);
        Assert.True(actions[0] is 0 or 2);
        Assert.Equal(1, actions[1]);
    }

    [Fact]
    public void ValuesOfWhatIsNotAllowedTeachNothing()
    {
        // Two learners that differ in the critics' last bias of the second choice alone, which is never allowed.
        (double Loss, float[] Policy, double Temperature) Learned(float shift)
        {
            var options = new DiscreteSacOptions { Hidden = [6], BatchSize = 4 };
            using var learner = new DiscreteSacLearner(2, 3, 1, options, new RandomStream(5));
            foreach (var critic in learner.Critics.Networks.Concat(learner.Critics.Targets))
            {
                critic.Parameters[critic.Layers[^1].Bias + 1] += shift;
                critic.ParametersChanged();
            }
            var batch = new ReplayBatch(4, 2, maskSize: 3);
            var random = new RandomStream(6);
            var loss = 0.0;
            for (var update = 0; update < 5; update++)
            {
                for (var i = 0; i < 8; i++)
                    (batch.Observations[i], batch.NextObservations[i]) = ((float)random.NextNormal(), (float)random.NextNormal());
                for (var i = 0; i < 4; i++)
                {
                    (batch.Actions[i], batch.Returns[i], batch.Discounts[i]) = (2 * (i % 2), i, 0.9f);
                    for (var a = 0; a < 3; a++) batch.Masks[(i * 3) + a] = batch.NextMasks[(i * 3) + a] = a != 1;
                }
                loss = learner.Update(batch, 1e-2, new LearningFigures()).Loss;
            }
            return (loss, learner.Policy.Parameters.ToArray(), learner.Temperature);
        }
        var (a, b) = (Learned(0), Learned(100));
        Assert.Equal(a.Loss, b.Loss);
        Assert.Equal(a.Policy, b.Policy);
        Assert.Equal(a.Temperature, b.Temperature);
    }

    [Fact]
    public void TheTemperatureKeepsTheEntropy()
    {
        using var agent = new DiscreteSacAgent(Copies(1, () => new Levers()), Options() with
        {
            TargetEntropyShare = 0.6,
            LearningRate = StepSizeRule.Constant(1e-2),
        }, 1);
        while (agent.Step < 1500) agent.Advance();
        agent.Report((_, _) => { });
        while (agent.Step < 2000) agent.Advance();
        var figures = new Dictionary<string, double>();
        agent.Report(figures.Add);
        Assert.Equal(0.6 * Math.Log(3), figures["entropy"], 0.1);
        Assert.InRange(agent.Temperature, 0.01, 0.99);
        // The best of the levers, counted from 5.
        var actions = new int[1];
        agent.Act([1], 1, actions);
        Assert.Equal(7, actions[0]);
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        using var whole = Make(kind, 7);
        while (whole.Step < 120) whole.Advance();
        using var part = Make(kind, 7);
        while (part.Step < 70) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(kind, 99);
        state.Restore(resumed);
        while (resumed.Step < 120) resumed.Advance();
        Assert.True(resumed.Updates > 20);
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        using var player = Make(kind, 3);
        player.LoadPolicy(policy);
        var observations = Enumerable.Range(0, 3 * whole.ObservationSize).Select(i => (i * 37 % 11 / 10f) - 0.5f).ToArray();
        var (first, second) = (new int[3], new int[3]);
        whole.Act(observations, 3, first);
        player.Act(observations, 3, second);
        Assert.Equal(first, second);
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        Assert.Throws<InvalidOptionsException>(() => new DiscreteSacOptions { Temperature = double.NaN }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new DiscreteSacOptions { TargetEntropyShare = 1.1 }.ThrowIfInvalid());
        Assert.Throws<InvalidOptionsException>(() => new DiscreteSacOptions { Replay = new() { Prioritized = true } }.ThrowIfInvalid());
        Assert.Contains("SameStep",
            Assert.Throws<ArgumentException>(
                () => new DiscreteSacAgent(new SyncVectorEnvironment<float, int>(1, () => new Levers()), Options(), 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("need pictures",
            Assert.Throws<ArgumentException>(
                () => new DiscreteSacAgent(Copies(1, () => new Levers()), Options() with { Encoder = ObservationEncoder.Conv }, 1)).Message,
            StringComparison.Ordinal);
        using var two = Make("plain", 1);
        using var three = new DiscreteSacAgent(Copies(2, () => new CartPole()), Options() with { Critics = 3 }, 1);
        using var state = new Snapshot();
        two.Save(state);
        Assert.Contains("critics", Assert.Throws<InvalidDataException>(() => three.Load(state)).Message, StringComparison.Ordinal);
    }

    private static DiscreteSacOptions Options() => new()
    {
        Hidden = [16],
        BatchSize = 16,
        LearningStarts = 30,
        LearningRate = StepSizeRule.Constant(3e-3),
        TargetShare = 0.02,
        Gamma = 0.9,
        Replay = new() { Capacity = 1000 },
        Device = "cpu",
    };

    private static DiscreteSacAgent Make(string kind, ulong seed) => kind switch
    {
        "plain" => new DiscreteSacAgent(Copies(2, () => new CartPole()), Options(), seed),
        "masks" => new DiscreteSacAgent(Copies(1, OwnWorldAgentTests.Shop),
            Options() with { Critics = 1, Replay = new() { Capacity = 60 } }, seed),
        "fixed" => new DiscreteSacAgent(Copies(1, () => new Levers()), Options() with
        {
            Temperature = 0.2,
            TrainEvery = 2,
            UpdatesPerTraining = 2,
            Replay = new() { Capacity = 50, NStep = 3 },
        }, seed),
        _ => new DiscreteSacAgent(Copies(2, () => new Beacon()), Options() with { TrainEvery = 2 }, seed,
            () => nn.Sequential(("dense", nn.Linear(64, 8)), ("tanh", nn.Tanh()))),
    };

    private static SyncVectorEnvironment<float, int> Copies(int count, Func<IEnvironment<float, int>> make) =>
        new(count, make, AutoresetMode.SameStep);

    // Three levers, numbered from 5; the last pays most.
    private sealed class Levers() : Environment<float, int>(new Box(0, 1, 1), new Discrete(3, 5))
    {
        protected override void Begin()
        {
        }

        protected override StepOutcome Advance(ReadOnlySpan<int> action) => new(0.5 * (action[0] - 5), true);

        protected override void Observe(Span<float> observation) => observation[0] = 1;

        protected override void SaveState(BinaryWriter writer)
        {
        }

        protected override void LoadState(BinaryReader reader)
        {
        }
    }
}
