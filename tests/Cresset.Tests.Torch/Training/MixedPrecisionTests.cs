using Cresset.Flows;
using Cresset.Nn;
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
    public void A_network_takes_and_gives_float32_and_keeps_its_norms()
    {
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(("conv", nn.Conv2d(3, 8, 3, padding: 1)), ("norm", nn.BatchNorm2d(8)), ("flat", nn.Flatten()), ("out", nn.Linear(8 * 16, 5)));
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
    public void Networks_that_use_weights_without_their_modules_work_too()
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
}
