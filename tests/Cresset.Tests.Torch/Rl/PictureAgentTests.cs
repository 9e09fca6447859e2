using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Agents over encoders. No leak check: TorchSharp's convolutions leave a tensor each behind when they are made.</summary>
public sealed class PictureAgentTests
{
    [Fact]
    public void PicturesAreReadByConvolutions()
    {
        using var agent = new DqnAgent(new SyncVectorEnvironment<float, int>(2, () => new Beacon(), AutoresetMode.SameStep),
            new DqnOptions
            {
                Encoder = ObservationEncoder.Conv,
                Hidden = [32],
                BatchSize = 16,
                TargetEvery = 60,
                Replay = new() { Capacity = 500 },
                LearningStarts = 64,
                TrainEvery = 8,
                LearningRate = StepSizeRule.Constant(3e-3),
                Exploration = StepSizeRule.Linear(1, 0.1, 300),
                Gamma = 0
            }, 2);
        Assert.False(agent.IsNative);
        while (agent.Step < 480) agent.Advance();
        Assert.Equal(4, EpisodeEvaluation.Run(agent, () => new Beacon(), 20, 9).Mean, 0.4);
    }

    [Fact]
    public void AnEncoderOfOnesOwnIsTrainedAndResumed()
    {
        var made = 0;
        DqnAgent Make(ulong seed) => new(
            new SyncVectorEnvironment<float, int>(1, () => new CartPole(), AutoresetMode.SameStep),
            new DqnOptions { Hidden = [8], BatchSize = 8, LearningStarts = 20, Replay = new() { Capacity = 100 } },
            seed,
            () =>
            {
                made++;
                return nn.Sequential(nn.Linear(4, 6), nn.Tanh());
            });
        using var one = Make(1);
        using var two = Make(2);
        Assert.Equal(4, made);
        while (one.Step < 60) one.Advance();
        using var state = new Snapshot();
        one.Save(state);
        Assert.Contains("model/encoder.0.weight", state.Tensors.Keys);
        two.Load(state);
        while (one.Step < 120) one.Advance();
        while (two.Step < 120) two.Advance();
        using var a = new Snapshot();
        using var b = new Snapshot();
        one.SavePolicy(a);
        two.SavePolicy(b);
        foreach (var (key, tensor) in a.Tensors) Assert.True(tensor.bytes.SequenceEqual(b.Tensors[key].bytes), key);
        Assert.Contains("encoder of your own",
            Assert.Throws<ArgumentException>(
                () => new DqnAgent(new SyncVectorEnvironment<float, int>(1, () => new CartPole(), AutoresetMode.SameStep),
                    new DqnOptions { Backend = NetworkBackend.Native }, 1, () => nn.Identity())).Message, StringComparison.Ordinal);
    }
}
