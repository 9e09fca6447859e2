using Cresset.Nn;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Pixel shuffle's own kernel: the same numbers in the same places as libtorch's, forward and backward.</summary>
[LeakFree]
public sealed class ShuffleTests
{
    private static bool Same(Tensor a, Tensor b) =>
        a.shape.SequenceEqual(b.shape) && a.contiguous().bytes.SequenceEqual(b.contiguous().bytes);

    [Fact]
    public void MovesEveryNumberAsLibtorch() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[1, 4], Gen.Int[1, 20], Gen.Int[1, 50], Gen.Int[0, 1000]).Sample(
        (r, c, h, w, seed) =>
        {
            using var scope = NewDisposeScope();
            var small = randn([2, 3, c * r * r, h, w], generator: new Generator((ulong)seed));
            var large = nn.functional.pixel_shuffle(small, r);
            Assert.True(Same(Shuffled.Of(small, r, true), large));
            Assert.True(Same(Shuffled.Of(large.contiguous(), r, false), small));
        },
        iter: 200,
        threads: 1);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void GradientIsTheInverseAndHasGradients(int r)
    {
        using var scope = NewDisposeScope();
        var x = randn([2, 3 * r * r, 17, 35], generator: new Generator(1));
        Tensor Slope(Func<Tensor, Tensor> f, bool second)
        {
            var at = x.detach().requires_grad_();
            var first = autograd.grad([f(at).pow(3).sum()], [at], create_graph: true, retain_graph: true)[0];
            return second ? autograd.grad([first.pow(2).sum()], [at])[0] : first.detach();
        }
        foreach (var second in new[] { false, true })
            Assert.True(Slope(t => PixelShuffle.Apply(t, r), second)
                .allclose(Slope(t => nn.functional.pixel_shuffle(t, r), second), 1e-5, 1e-6));
    }

    [Fact]
    public void BitsDoNotDependOnThreads()
    {
        using var scope = NewDisposeScope();
        var x = randn([4, 32, 50, 70], generator: new Generator(1));
        var threads = get_num_threads();
        try
        {
            set_num_threads(1);
            var one = PixelShuffle.Apply(x, 2);
            set_num_threads(2);
            Assert.True(Same(one, PixelShuffle.Apply(x, 2)));
        }
        finally
        {
            set_num_threads(threads);
        }
    }
}
