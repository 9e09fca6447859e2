using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>What lies on the simplex, and inputs of functions beside it that no answer fits.</summary>
public sealed class SimplexTests
{
    [Theory]
    [InlineData(1.000000001)]
    [InlineData(1.0000001)]
    [InlineData(1.00001)]
    [InlineData(1.001)]
    [InlineData(1.05)]
    public void EntmaxNearSoftmaxIsNearItAndSumsToOne(double alpha)
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 1f, 2 });
        var p = Simplex.Entmax(x, alpha);
        Assert.Equal(ScalarType.Float32, p.dtype);
        Assert.Equal(1, p.sum().ToDouble(), 6);
        Assert.True((p - x.softmax(0)).abs().max().ToDouble() < (alpha - 1) + 1e-6);
    }

    [Fact]
    public void ATemperatureNearZeroTakesTheLargest()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([0f, 0, 1], Simplex.Softmax(tensor(new[] { 1e30f, 2e30f, 3e30f }), temperature: 1e-30).data<float>().ToArray());
        Assert.Equal([0f, 1], Simplex.Softmax(tensor(new[] { -3e38f, 3e38f }), temperature: 1e-30).data<float>().ToArray());
    }

    [Fact]
    public void ARowWithoutAPositiveNumberAttendsToNothing()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { -1f, 0, 1, 2 }).reshape(2, 2).requires_grad_();
        var p = Simplex.SquaredReluNorm(x);
        Assert.Equal([0f, 0, 0.2f, 0.8f], p.data<float>().ToArray());
        p[0, 0].backward();
        Assert.Equal(0, x.grad!.abs().sum().ToDouble());
    }

    [Fact]
    public void ANumberAloneTakesAll()
    {
        using var scope = NewDisposeScope();
        foreach (var map in Maps()) Assert.Equal(1, map(tensor(2f), -1).ToDouble());
    }

    [Fact]
    public void WholeNumbersAndDimensionsThatAreNotThereAreRefused()
    {
        using var scope = NewDisposeScope();
        foreach (var map in Maps().Append(Simplex.SquaredReluNorm).Append(Simplex.SoftmaxOffByOne).Append(Simplex.Solu)
            .Append(Simplex.LogSoftmax))
        {
            Assert.Throws<ArgumentException>(() => map(tensor(new long[] { 1, 2 }), -1));
            Assert.Throws<ArgumentOutOfRangeException>(() => map(zeros(2, 3), 5));
            Assert.Throws<ArgumentOutOfRangeException>(() => map(zeros(2, 3), -3));
        }
    }

    [Fact]
    public void NumbersThatFitNoLayerAreRefusedByName()
    {
        using var scope = NewDisposeScope();
        var x = ones(2, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => RmsNorm.Apply(x, null, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => RmsNorm.Apply(x, null, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RmsNorm(4, double.NaN));
        Assert.Throws<ShapeException>(() => RmsNorm.Apply(x, ones(3)));
        Assert.Throws<ArgumentException>(() => RmsNorm.Apply(ones([2, 4], dtype: int64), null));
        Assert.Throws<ArgumentOutOfRangeException>(() => GatedUnits.ClampedSwiGlu(x, 1.7, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => GatedUnits.ClampedSwiGlu(x, 1.7, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => GatedUnits.Glu(x, 9));
        Assert.Throws<ArgumentException>(() => GatedUnits.Glu(ones([2, 4], dtype: int64)));
        Assert.Throws<ArgumentOutOfRangeException>(() => UpsamplingInit.Icnr(zeros(4, 1, 3, 3), 0));
        Assert.Throws<ArgumentException>(() => UpsamplingInit.BilinearKernel(4, int64));
    }

    private static IEnumerable<Func<Tensor, long, Tensor>> Maps() => [(x, d) => Simplex.Softmax(x, d), Simplex.Softmin,
        Simplex.Sparsemax, Simplex.Entmax15, (x, d) => Simplex.Entmax(x, 1.05, d), (x, d) => Simplex.Entmax(x, 1.2, d),
        (x, d) => Simplex.Entmax(x, 1, d), (x, d) => Simplex.Entmax(x, 2, d)];
}
