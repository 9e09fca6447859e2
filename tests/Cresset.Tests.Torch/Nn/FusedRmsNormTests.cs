using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>The norm's own pass beside libtorch's operations; other shapes and layouts are among the kernel cases.</summary>
public sealed class FusedRmsNormTests
{
    [Theory]
    [InlineData(7, 128)]
    [InlineData(5, 23)]
    [InlineData(3, 1)]
    // More rows than one piece of the weight's gradient.
    [InlineData(1500, 96)]
    public void ValuesAndGradientsAreThoseOfLibtorchsOperations(long rows, long width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        Tensor x = randn([rows, width], generator: generator).requires_grad_(),
            weight = randn([width], generator: generator).requires_grad_(), g = randn([rows, width], generator: generator);
        Assert.True(FusedRmsNorm.Fits(x, weight));
        var found = RmsNorm.Apply(x, weight, 1e-2);
        var gradients = Derivatives.Of([found], [x, weight], [g]);
        Tensor wide = x.detach().to(float64).requires_grad_(), wideWeight = weight.detach().to(float64).requires_grad_();
        var exact = RmsNorm.Composed(wide, wideWeight, 1e-2);
        var expected = Derivatives.Of([exact], [wide, wideWeight], [g.to(float64)]);
        Assert.True(found.to(float64).allclose(exact, 1e-5, 1e-6));
        Assert.True(gradients[0]!.to(float64).allclose(expected[0]!, 1e-4, 1e-5));
        Assert.True(gradients[1]!.to(float64).allclose(expected[1]!, 1e-4, 1e-4));
    }

    [Fact]
    public void SecondDerivativesAreThoseOfLibtorchsOperations()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor x = randn([4, 20], generator: generator).requires_grad_(), weight = randn([20], generator: generator).requires_grad_();
        Tensor[] Second(Func<Tensor> norm)
        {
            var first = Derivatives.Of([norm().pow(3).sum()], [x, weight], createGraph: true);
            return [.. Derivatives.Of([first[0]!.square().sum() + first[1]!.square().sum()], [x, weight]).Select(d => d!)];
        }
        var found = Second(() => RmsNorm.Apply(x, weight, 1e-2));
        var expected = Second(() => RmsNorm.Composed(x, weight, 1e-2));
        for (var i = 0; i < 2; i++) Assert.True(found[i].allclose(expected[i], 1e-4, 1e-3 * expected[i].abs().max().ToSingle()));
    }

    [Fact]
    public void BitsDoNotDependOnThreads()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        Tensor x = randn([3000, 100], generator: generator).requires_grad_(), weight = ones(100).requires_grad_(),
            g = randn([3000, 100], generator: generator);
        Tensor[] Run(int threads)
        {
            set_num_threads(threads);
            var y = RmsNorm.Apply(x, weight, 1e-5);
            return [y, .. Derivatives.Of([y], [x, weight], [g]).Select(d => d!)];
        }
        var before = get_num_threads();
        try
        {
            var (one, three) = (Run(1), Run(3));
            for (var i = 0; i < 3; i++) Assert.True(one[i].equal(three[i]).all().item<bool>());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void OnlyWhatIsWantedIsGiven()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones(2, 8), weight = ones(8).requires_grad_();
        RmsNorm.Apply(x, weight).sum().backward();
        Assert.Null(x.grad);
        Assert.True(weight.grad!.allclose(full(8, 2.0), 1e-4, 1e-4));
    }
}
