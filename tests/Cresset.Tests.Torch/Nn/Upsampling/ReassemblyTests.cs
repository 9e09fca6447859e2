using Cresset.Nn;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>CARAFE's fused reassembly against the composition of unfold and a product.</summary>
[LeakFree]
public sealed class ReassemblyTests
{
    private static Tensor Random(ulong seed, params long[] shape) => randn(shape, generator: new Generator(seed));

    private static double Distance(Tensor a, Tensor b)
    {
        Assert.Equal(b.shape, a.shape);
        return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).ToDouble();
    }

    [Fact]
    public void AgreesWithUnfoldInFloat64() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[1, 6], Gen.Int[1, 9], Gen.Int[1, 40]).Sample(
        (half, scale, groups, channels, h, w) =>
        {
            using var scope = NewDisposeScope();
            var kernel = 2 * half + 1;
            Tensor x = Random(1, 2, groups * channels, h, w).requires_grad_(),
                weights = Random(2, 2, groups * kernel * kernel, scale * h, scale * w).requires_grad_();
            Tensor exactX = x.detach().to(ScalarType.Float64).requires_grad_(),
                exactWeights = weights.detach().to(ScalarType.Float64).requires_grad_();
            Tensor y = Carafe.Reassemble(x, weights, kernel, groups, scale),
                exact = Carafe.Composed(exactX, exactWeights, kernel, groups, scale);
            var up = Random(3, y.shape);
            var found = autograd.grad([y], [x, weights], [up]);
            var expected = autograd.grad([exact], [exactX, exactWeights], [up.to(ScalarType.Float64)]);
            double[] distances = [Distance(y.to(ScalarType.Float64), exact), Distance(found[0].to(ScalarType.Float64), expected[0]),
                Distance(found[1].to(ScalarType.Float64), expected[1])];
            if (!distances.All(d => d < 2e-6)) throw new InvalidOperationException(string.Join(", ", distances));
        },
        iter: 300,
        threads: 1);

    [Fact]
    public void BitsDoNotDependOnThreads()
    {
        using var scope = NewDisposeScope();
        Tensor x = Random(1, 3, 10, 37, 29), weights = Random(2, 3, 2 * 25, 74, 58), up = Random(3, 3, 10, 74, 58);
        var shape = new Reassembly(x, 5, 2, 2);
        var threads = get_num_threads();
        try
        {
            set_num_threads(1);
            Tensor[] one = [shape.Run(x, weights), shape.FeatureGradient(weights, up), shape.WeightGradient(x, up)];
            set_num_threads(2);
            Tensor[] two = [shape.Run(x, weights), shape.FeatureGradient(weights, up), shape.WeightGradient(x, up)];
            for (var i = 0; i < one.Length; i++) Assert.True(one[i].bytes.SequenceEqual(two[i].bytes));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void NanStaysInItsNeighbourhood()
    {
        using var scope = NewDisposeScope();
        var x = Random(1, 1, 3, 9, 20);
        x[0, 1, 4, 10] = double.NaN;
        var weights = Random(2, 1, 9, 18, 40);
        weights[0, 4, 0, 39] = double.PositiveInfinity;
        Assert.True(Carafe.Reassemble(x, weights, 3).allclose(Carafe.Composed(x, weights, 3, 1, 2), 1e-5, 1e-5, equal_nan: true));
    }

    [Fact]
    public void SecondDerivativesAndOneSidedGradients()
    {
        using var scope = NewDisposeScope();
        Tensor x = Random(1, 1, 3, 5, 6), weights = Random(2, 1, 9, 10, 12);
        Tensor Penalty(Func<Tensor, Tensor, Tensor> f)
        {
            Tensor a = x.detach().requires_grad_(), b = weights.detach().requires_grad_();
            var slope = autograd.grad([f(a, b).pow(2).sum()], [a], create_graph: true, retain_graph: true)[0];
            return autograd.grad([slope.pow(2).sum()], [b])[0];
        }
        Assert.True(Distance(Penalty((a, b) => Carafe.Reassemble(a, b, 3)), Penalty((a, b) => Carafe.Composed(a, b, 3, 1, 2))) < 1e-5);
        var only = weights.detach().requires_grad_();
        Assert.Equal(only.shape, autograd.grad([Carafe.Reassemble(x, only, 3).sum()], [only])[0].shape);
    }
}
