using Cresset.Optim;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Clipping outside a step, of gradients in any type, size and layout.</summary>
public sealed class ClippingTests
{
    [Theory]
    [InlineData(ScalarType.Float16, 100, 300, 1)]
    [InlineData(ScalarType.Float16, 300, 100, 3)]
    [InlineData(ScalarType.Float32, 1, 1e20, 0.01)]
    [InlineData(ScalarType.Float32, 1e20, 1, 1)]
    public void UnitsOfLargeNumbersAreClippedByTheirNorms(ScalarType type, double weight, double gradient, double expected)
    {
        using var scope = NewDisposeScope();
        using var parameter = Make([2, 4], weight, type, full([2, 4], gradient, dtype: type));
        AdaptiveGradientClipping.Clip([parameter], factor: 0.01);
        Assert.Equal(1, parameter.grad!.min().ToDouble() / expected, 3);
        Assert.Equal(type, parameter.grad!.dtype);
    }

    [Fact]
    public void AGradientThatRepeatsItsMemoryIsClippedLikeADenseOne()
    {
        using var scope = NewDisposeScope();
        using var norm = Repeated();
        Assert.Equal(Math.Sqrt(8), GradientClipping.ClipNorm([norm], 1), 6);
        Assert.Equal(1 / Math.Sqrt(8), norm.grad!.max().ToDouble(), 5);
        using var value = Repeated();
        GradientClipping.ClipValue([value], 0.5);
        Assert.Equal(0.5, value.grad!.max().ToDouble());
        using var units = Repeated();
        AdaptiveGradientClipping.Clip([units], 0.01);
        Assert.Equal(0.01, units.grad!.max().ToDouble(), 6);
    }

    [Fact]
    public void SparseGradientsAreMeasuredOrRefusedByName()
    {
        using var scope = NewDisposeScope();
        using var table = nn.Embedding(5, 2, sparse: true);
        table.call(tensor(new long[] { 1, 1, 3 })).sum().backward();
        Assert.Equal(2, GradientClipping.ClipNorm([table.weight!], double.PositiveInfinity, double.PositiveInfinity), 6);
        Assert.Equal(6, GradientClipping.ClipNorm([table.weight!], double.PositiveInfinity, 1), 6);
        Assert.Contains("sparse", Assert.Throws<NotSupportedException>(() => GradientClipping.ClipValue([table.weight!], 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("sparse", Assert.Throws<NotSupportedException>(() => AdaptiveGradientClipping.Clip([table.weight!])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ANormWhoseSquaresOverflowIsStillANumber()
    {
        using var scope = NewDisposeScope();
        using var parameter = Make([2], 1, ScalarType.Float64, full(2, 1e200, dtype: float64));
        Assert.Equal(Math.Sqrt(2), GradientClipping.ClipNorm([parameter], 1) / 1e200, 6);
        Assert.Equal(Math.Sqrt(0.5), parameter.grad![0].ToDouble(), 6);
        using var infinite = Make([2], 1, ScalarType.Float32, tensor(new[] { float.PositiveInfinity, 1 }));
        Assert.Equal(double.PositiveInfinity, GradientClipping.ClipNorm([infinite], 1));
    }

    private static Parameter Repeated() => Make([2, 4], 1, ScalarType.Float32, ones(1).expand(2, 4));

    private static Parameter Make(long[] shape, double value, ScalarType type, Tensor gradient) =>
        new(full(shape, value, dtype: type)) { grad = gradient };
}
