using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Policy gradients whose observations go through convolutions or a module of the user's own.</summary>
public sealed class EncodedPolicyTests
{
    public static TheoryData<string> Agents => ["ppo", "a2c", "reinforce", "own"];

    [Theory]
    [MemberData(nameof(Agents))]
    public void PicturesAreLearnedFrom(string kind)
    {
        using var agent = Make(kind, seed: 4);
        while (agent.Step < 1600) agent.Advance();
        Assert.Equal(4, EpisodeEvaluation.Run(agent, () => new Beacon(255), 30, 9).Mean, 0.2);
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void AResumedAgentEndsWithTheSameBits(string kind)
    {
        using var whole = Make(kind, seed: 7);
        while (whole.Step < 192) whole.Advance();
        using var part = Make(kind, seed: 7);
        while (part.Step < 96) part.Advance();
        using var state = new Snapshot();
        part.Save(state);
        using var resumed = Make(kind, seed: 1);
        state.Restore(resumed);
        while (resumed.Step < 192) resumed.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        whole.Save(a);
        resumed.Save(b);
        OwnWorldAgentTests.Same(a, b);
        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        using var player = Make(kind, seed: 3);
        player.LoadPolicy(policy);
        Assert.Equal(EpisodeEvaluation.Run(whole, () => new Beacon(255), 5, 2).Returns,
            EpisodeEvaluation.Run(player, () => new Beacon(255), 5, 2).Returns);
    }

    [Fact]
    public void ANetworkOfLinearLayersLearnsAsTheNativeOneDoes()
    {
        // An encoder that changes nothing, and the native weights: both paths must take the same steps.
        var options = ActorCriticOptions.Ppo with { Hidden = [5], EntropyCoefficient = 0.01, ClipNorm = 0.1 };
        using var native = new ActorCritic(3, new CategoricalActions(2), options, 4, new RandomStream(1));
        using var torched = new ActorCritic(3, new CategoricalActions(2), options, 4, new RandomStream(2), () => nn.Identity());
        using var weights = new Snapshot();
        native.SavePolicy(weights);
        torched.LoadPolicy(weights);
        var random = new RandomStream(3);
        var batch = new ActorCriticBatch(4, 3, 1);
        foreach (ref var value in batch.Observations.AsSpan()) value = (float)random.NextNormal();
        for (var i = 0; i < 4; i++)
            (batch.Actions[i], batch.LogProbs[i], batch.Advantages[i], batch.Returns[i], batch.Values[i]) = (i % 2, -0.7f, i - 1.2f,
                0.3f * i, 0.1f);
        for (var step = 0; step < 3; step++)
        {
            var (one, other) = (native.Evaluate(batch), torched.Evaluate(batch));
            Assert.Equal(one.PolicyLoss, other.PolicyLoss, 1e-5);
            Assert.Equal(one.ValueLoss, other.ValueLoss, 1e-5);
            Assert.Equal(one.Norm, other.Norm, 1e-5);
            native.Step(0.01, one.Norm);
            torched.Step(0.01, other.Norm);
        }
    }

    [Fact]
    public void PicturesOfBytesAreReadAsThoseOfOne()
    {
        using var bright = new ConvEncoder(1, 8, 8, 1.0 / 255);
        using var plain = new ConvEncoder(1, 8, 8);
        StateDict.Load(plain, bright.state_dict().ToDictionary(p => p.Key, p => p.Value));
        using var picture = rand(2, 64);
        using var scope = NewDisposeScope();
        Assert.True(plain.call(picture).allclose(bright.call(picture * 255), rtol: 1e-4, atol: 1e-6));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConvEncoder(1, 8, 8, 0));
        static SyncVectorEnvironment<float, int> Poles() => new(1, () => new CartPole(), AutoresetMode.SameStep);
        Assert.Contains("need pictures",
            Assert.Throws<ArgumentException>(
                () => new ActorCriticAgent<int>(Poles(), new() { Encoder = ObservationEncoder.Conv }, 1)).Message,
                StringComparison.Ordinal);
    }

    private static IAgent<int> Make(string kind, ulong seed)
    {
        var copies = new SyncVectorEnvironment<float, int>(4, () => new Beacon(255), AutoresetMode.SameStep);
        var rate = StepSizeRule.Constant(3e-3);
        return kind switch
        {
            "ppo" =>
                new ActorCriticAgent<int>(copies,
                    ActorCriticOptions.Ppo with
                    {
                        Encoder = ObservationEncoder.Conv,
                        Device = "cpu",
                        Hidden = [16],
                        RolloutSteps = 8,
                        Minibatches = 1,
                        Gamma = 0,
                        LearningRate = rate
                    }, seed),
            "a2c" =>
                new ActorCriticAgent<int>(copies,
                    ActorCriticOptions.A2c with
                    {
                        Encoder = ObservationEncoder.Conv,
                        Device = "cpu",
                        Hidden = [16],
                        RolloutSteps = 8,
                        Gamma = 0,
                        LearningRate = rate,
                        NormalizeAdvantages = true
                    }, seed),
            "reinforce" =>
                new ReinforceAgent<int>(copies,
                    new()
                    {
                        Encoder = ObservationEncoder.Conv,
                        Device = "cpu",
                        Hidden = [16],
                        Gamma = 0,
                        LearningRate = rate,
                        LongestEpisode = 4
                    }, seed),
            _ => new ActorCriticAgent<int>(copies,
                ActorCriticOptions.Ppo with
                {
                    Device = "cpu",
                    Hidden = [16],
                    RolloutSteps = 8,
                    Minibatches = 1,
                    Gamma = 0,
                    LearningRate = rate
                }, seed,
                    () => nn.Sequential(("scale", new Dimmer()), ("dense", nn.Linear(64, 8)), ("relu", nn.ReLU()))),
        };
    }

    private sealed class Dimmer() : nn.Module<Tensor, Tensor>(nameof(Dimmer))
    {
        public override Tensor forward(Tensor input) => input / 255;
    }
}
