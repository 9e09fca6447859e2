using Cresset.Flows;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

[LeakFree]
public sealed class MixedPrecisionTests
{
    [Fact]
    public void ANetworkTakesAndGivesFloat32AndKeepsItsNorms()
    {
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(("conv", nn.Conv2d(3, 8, 3, padding: 1)), ("norm", nn.BatchNorm2d(8)), ("flat", nn.Flatten()),
            ("out", nn.Linear(8 * 16, 5)));
        var before = net.call(ones(2, 3, 4, 4));
        MixedPrecision.Apply(net);
        var types = net.named_parameters().ToDictionary(p => p.name, p => p.parameter.dtype);
        Assert.Equal(ScalarType.BFloat16, types["conv.weight"]);
        Assert.Equal(ScalarType.Float32, types["norm.weight"]);
        Assert.Equal(ScalarType.BFloat16, types["out.bias"]);
        var after = net.call(ones(2, 3, 4, 4));
        Assert.Equal(ScalarType.Float32, after.dtype);
        Assert.True((before - after).abs().max().ToSingle() < 0.05f);
        after.sum().backward();
        Assert.All(net.parameters(), p => Assert.NotNull(p.grad));
    }

    [Fact]
    public void NetworksThatUseWeightsWithoutTheirModulesWorkToo()
    {
        using var scope = NewDisposeScope();
        using var conditioner = new GlowConditioner(4, 8, 16);
        MixedPrecision.Apply(conditioner);
        var y = conditioner.call(randn(2, 4, 6, 6), null!);
        Assert.Equal(ScalarType.Float32, y.dtype);
        y.sum().backward();
        using var masked = new GatedMaskedLayer(8, 3, MaskKind.A);
        MixedPrecision.Apply(masked);
        var (_, horizontal) = masked.Apply(randn(1, 8, 5, 5), randn(1, 8, 5, 5));
        Assert.Equal(ScalarType.Float32, horizontal.dtype);
        using var unet = new UNet(1, 3, UNetOptions.Segmentation);
        MixedPrecision.Apply(unet);
        Assert.Equal([1L, 3, 32, 32], unet.call(randn(1, 1, 32, 32)).shape);
    }

    /// <summary>Every network built of the shared blocks computes its products in bfloat16 and learns.</summary>
    [Fact]
    public void NetworksOfSharedBlocksWorkToo()
    {
        using var scope = NewDisposeScope();
        using var decoder = new DecoderTransformer(11, new() { Layers = 1, Heads = 2, KeyValueHeads = 1, Width = 16, Context = 8 });
        using var separate = new DecoderTransformer(11, new() { Layers = 1, Heads = 2, Width = 16, Context = 8, Tied = false });
        using var prior = new CodeTransformer(new() { CodebookSize = 9, MaxLength = 4, Width = 8, Heads = 2 });
        using var unet = new UNet(1, 2,
            new() { Channels = [8, 8], Norm = new GroupNormOptions { Groups = 4 }, Heads = 2, MiddleAttention = true });
        Learns(decoder, m => m.call((arange(8) % 11).reshape(2, 4)));
        Learns(separate, m => m.call((arange(8) % 11).reshape(2, 4)));
        Learns(prior, m => m.call((arange(8) % 9).reshape(2, 2, 2), null));
        Learns(unet, m => m.call(ones(2, 1, 8, 8)));

        static void Learns<T>(T network, Func<T, Tensor> run)
            where T : nn.Module
        {
            var before = run(network).detach();
            MixedPrecision.Apply(network);
            Assert.Contains(network.parameters(), p => p.dtype == ScalarType.BFloat16);
            var y = run(network);
            Assert.Equal(ScalarType.Float32, y.dtype);
            Assert.True((before - y).abs().max().ToSingle() < 0.1f, network.GetName());
            y.square().sum().backward();
            Assert.All(network.parameters(), p => Assert.NotNull(p.grad));
        }
    }

    [Fact]
    public void WeightsThatTwoLayersShareStayOne()
    {
        using var scope = NewDisposeScope();
        using var table = nn.Embedding(16, 8);
        using var middle = nn.Linear(8, 8);
        using var head = nn.Linear(8, 16, hasBias: false);
        head.weight = table.weight!;
        using var net = nn.Sequential(("table", table), ("middle", middle), ("head", head));
        MixedPrecision.Apply(net);
        Assert.Equal(ScalarType.BFloat16, middle.weight!.dtype);
        using (no_grad()) table.weight!.fill_(3);
        Assert.Equal(3, head.weight!.min().ToSingle());
        Assert.Single(NamedParameter.Of(net), p => p.Aliases.Count > 0);
    }
}
