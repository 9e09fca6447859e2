using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

public sealed class ChannelsLastTests
{
    [Theory]
    [InlineData(2, 3, 5, 4)]
    [InlineData(1, 7, 1, 6)]
    [InlineData(3, 1, 5, 5)]
    [LeakFree]
    public void ValuesAndShapeStayAndConvolutionsKeepTheLayout(long n, long c, long h, long w)
    {
        using var scope = NewDisposeScope();
        var x = rand(n, c, h, w);
        var last = ChannelsLast.Of(x);
        Assert.Equal(x.shape, last.shape);
        Assert.True(x.equal(last).all().item<bool>());
        Assert.Equal(1, last.stride(1));
        // A net that is told to lay pictures out finds them so.
        var y = nn.functional.conv2d(last, rand(6, c, 1, 1));
        Assert.True(ChannelsLast.Is(y));
        Assert.Same(y, ChannelsLast.Of(y));
    }

    [Fact]
    [LeakFree]
    public void OtherTensorsComeBackAsTheyAre()
    {
        using var scope = NewDisposeScope();
        foreach (var x in new[] { rand(2, 3), rand(2, 3, 4), rand(2, 3, 1, 1), rand([2, 3, 4, 4], dtype: float64) })
            Assert.Same(x, ChannelsLast.Of(x));
        using var pause = new KernelPause();
        var traced = rand(2, 3, 4, 4);
        Assert.Same(traced, ChannelsLast.Of(traced));
    }

    [Fact]
    [LeakFree]
    public void FusedActivationsKeepTheLayoutAndTheirBits()
    {
        using var scope = NewDisposeScope();
        var plain = randn(2, 5, 6, 7).requires_grad_();
        var last = ChannelsLast.Of(plain.detach()).requires_grad_();
        var weight = randn(2, 5, 6, 7);
        Tensor expected = Activations.Silu(plain), actual = Activations.Silu(last);
        Assert.True(ChannelsLast.Is(actual));
        Assert.True(expected.equal(actual).all().item<bool>());
        (expected * weight).sum().backward();
        (actual * weight).sum().backward();
        Assert.True(plain.grad!.equal(last.grad!).all().item<bool>());
    }
}
