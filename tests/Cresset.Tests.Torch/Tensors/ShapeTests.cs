using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

[LeakFree]
public sealed class ShapeTests
{
    [Fact]
    public void MatchingShapePasses()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3, 8, 8);
        Shape.Expect(x, "N 3 H H");
        Shape.Expect(x, "N C H W", ("C", 3));
        Shape.Expect(x, "N C H W", [("C", 3), ("H", 8)]);
    }

    [Theory]
    [InlineData("N C H")]
    [InlineData("N 4 H W")]
    [InlineData("N N H W")]
    public void OtherShapeNamesTheTensorAndBothShapes(string pattern)
    {
        using var scope = NewDisposeScope();
        var picture = zeros(2, 3, 8, 8);
        var error = Assert.Throws<ShapeException>(() => Shape.Expect(picture, pattern));
        Assert.Contains("picture has shape [2, 3, 8, 8]", error.Message, StringComparison.Ordinal);
        Assert.Contains("expected [N,", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GivenLetterIsShownWithItsSize()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 3);
        var error = Assert.Throws<ShapeException>(() => Shape.Expect(x, "N C", ("C", 5)));
        Assert.Equal("ShapeTests.GivenLetterIsShownWithItsSize: x has shape [2, 3]; expected [N, C=5].", error.Message);
    }
}

[LeakFree]
public sealed class InitializeTests
{
    [Fact]
    public void TruncatedNormalKeepsMeanDeviationAndBounds()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(7);
        var w = Initialize.TruncatedNormal(zeros(200_000), mean: 1, std: 2, low: -1, high: 3, generator);
        // A normal cut at one deviation each side keeps its mean and has deviation 0.5396 of the uncut one.
        Assert.Equal(1, w.mean().item<float>(), 0.02);
        Assert.Equal(2 * 0.53956, w.std().item<float>(), 0.02);
        Assert.True(w.min().item<float>() >= -1 && w.max().item<float>() <= 3);
    }

    [Fact]
    public void XavierNormalIsNormal()
    {
        using var scope = NewDisposeScope();
        var w = Initialize.XavierNormal(zeros(300, 500), 1, new Generator(3));
        var std = Math.Sqrt(2.0 / 800);
        Assert.Equal(std, w.std().item<float>(), std * 0.02);
        // A uniform draw never exceeds sqrt(3) deviations; a normal one of 150,000 values does.
        Assert.True(w.abs().max().item<float>() > 3.5 * std);
    }

    [Fact]
    public void ResetRepeatsAndCoversEveryMatrixAndBias()
    {
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(5, 2));
        Initialize.Reset(net, new Generator(11));
        var first = net.parameters().Select(p => p.detach().clone()).ToList();
        manual_seed(1);
        Initialize.Reset(net, new Generator(11));
        Assert.All(net.parameters().Zip(first), pair => Assert.True(pair.First.allclose(pair.Second, 0, 0)));
        Initialize.Reset(net, new Generator(12));
        Assert.All(net.parameters().Zip(first), pair => Assert.False(pair.First.allclose(pair.Second, 0, 0)));
    }

    [Fact]
    public void GroupNormStartsAsIdentityScale()
    {
        using var scope = NewDisposeScope();
        using var norm = Norms.GroupNorm(2, 6);
        Assert.True(norm.weight!.allclose(ones(6)) && norm.bias!.allclose(zeros(6)));
        Assert.Throws<ArgumentException>(() => Norms.GroupNorm(4, 6));
    }
}
