using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>What transformer flows have beyond the laws of all flows: order, cache, guidance, denoising.</summary>
public sealed class TarFlowTests
{
    private static TarFlow Make(int classes = 0, int inner = 0, int bins = 0)
    {
        manual_seed(3);
        var flow = new TarFlow(
            new TarFlowOptions
            {
                Size = 4,
                Columns = 6,
                Patch = 2,
                Blocks = 2,
                Layers = 2,
                Width = 8,
                Heads = 2,
                Classes = classes,
                Inner = inner,
                Bins = bins
            });
        flow.to(ScalarType.Float64);
        using var noGrad = no_grad();
        using var generator = new Generator(4);
        foreach (var parameter in flow.parameters())
            parameter.add_(randn(parameter.shape, dtype: ScalarType.Float64, generator: generator) * 0.2);
        flow.eval();
        return flow;
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 4)]
    public void TheCacheGivesWhatLookingAtAllTokensGives(int inner, int bins)
    {
        using var scope = NewDisposeScope();
        using var flow = Make(inner: inner, bins: bins);
        var z = randn(3, 1, 4, 6, dtype: ScalarType.Float64, generator: new Generator(1));
        var recorded = flow.Decode(z);
        using var quiet = no_grad();
        FlowGoldens.Close(recorded, flow.Decode(z), 1e-10);
        FlowGoldens.Close(z, flow.Encode(recorded.detach()), 1e-9);
        Assert.Equal([0L, 1L, 4L, 6L], flow.Sample(0).shape);
    }

    [Fact]
    public void ATokenDependsOnThoseBeforeItInItsOrder()
    {
        using var scope = NewDisposeScope();
        foreach (var reverse in new[] { false, true })
        {
            manual_seed(3);
            var transform = new CausalTransform(
                new CausalTransformOptions { Tokens = 4, Values = 2, Width = 8, Heads = 2, Reverse = reverse, Inner = reverse ? 6 : 0 });
            using (no_grad())
            {
                foreach (var parameter in transform.parameters()) parameter.add_(randn_like(parameter) * 0.3);
            }
            var x = randn(1, 4, 2).requires_grad_(true);
            var z = transform.Forward(x).Output;
            for (var i = 0; i < 4; i++)
            {
                var reach = Cresset.Tensors.Derivatives.Of([z[0, i].sum()], [x], retainGraph: true)[0]![0].abs().sum(1);
                for (var j = 0; j < 4; j++) Assert.Equal(reverse ? j >= i : j <= i, reach[j].ToDouble() > 0);
            }
        }
    }

    [Fact]
    public void GuidanceMovesAwayFromTheModelWithoutALabel()
    {
        using var scope = NewDisposeScope();
        using var flow = Make(classes: 3);
        Tensor Drawn(long label, double guidance)
        {
            using var generator = new Generator(7);
            return flow.SampleGuided(4, tensor(label), guidance, 0.9, generator);
        }
        using (var generator = new Generator(7))
            FlowGoldens.Close(flow.Sample(4, tensor(1L), 0.9, generator), Drawn(1, 0), 1e-10, "no guidance");
        // Nothing to move away from.
        FlowGoldens.Close(Drawn(3, 0), Drawn(3, 4), 1e-9, "no label");
        Assert.True((Drawn(1, 2) - Drawn(1, 0)).abs().max().ToDouble() > 1e-3);
        Assert.True((Drawn(1, 0) - Drawn(2, 0)).abs().max().ToDouble() > 1e-3);
        var x = randn(2, 1, 4, 6, dtype: ScalarType.Float64);
        FlowGoldens.Close(flow.LogProb(x), flow.LogProb(x, full(2, 3L, dtype: ScalarType.Int64)), 1e-10, "no context is no label");
        Assert.Throws<ArgumentOutOfRangeException>(() => flow.LogProb(x, tensor(4L)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Drawn(1, double.NaN));
        using var plain = Make();
        Assert.Contains("classes", Assert.Throws<NotSupportedException>(() => plain.SampleGuided(1, tensor(0L), 1)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>As made the model is a standard normal: noise of deviation s leaves 1 - s^2 of it.</summary>
    [Fact]
    public void DenoisingIsTweediesFormula()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        using var flow = new TarFlow(new TarFlowOptions { Size = 4, Patch = 2, Blocks = 2, Width = 8, Heads = 2, Bins = 4, Inner = 4 });
        var noisy = randn(3, 1, 4, 4) * 0.5;
        using var quiet = no_grad();
        FlowGoldens.Close(noisy * (1 - 0.09), flow.Denoise(noisy, 0.3), 1e-5);
        Assert.Throws<ArgumentOutOfRangeException>(() => flow.Denoise(noisy, double.NaN));
        Assert.Contains("divisible by Patch",
            Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => new TarFlow(new TarFlowOptions { Size = 10, Patch = 4 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ItLearnsWhatAMapOfPixelsAloneCannot()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var generator = new Generator(1);
        // All pixels of a picture are nearly one number: far from independent.
        Tensor Batch(long count) => randn(count, 1, 1, 1, generator: generator) + (randn(count, 1, 4, 4, generator: generator) * 0.2);
        using var flow = new TarFlow(new TarFlowOptions { Size = 4, Patch = 2, Blocks = 2, Layers = 1, Width = 16, Heads = 2 });
        using var optimizer = new Cresset.Optim.Optimizer(flow, new Cresset.Optim.AdamRule { LearningRate = 5e-3 });
        var start = flow.Loss(Batch(256)).ToDouble();
        for (var step = 0; step < 60; step++)
        {
            using var round = NewDisposeScope();
            optimizer.ZeroGrad();
            flow.Loss(Batch(64)).backward();
            optimizer.Step();
        }
        // Independent pixels of variance 1.04 have 16 (log sqrt(2 pi e) + log 1.04 / 2) = 23 nats.
        Assert.InRange(start, 22, 24);
        Assert.True(flow.Loss(Batch(256)).ToDouble() < 8);
    }
}
