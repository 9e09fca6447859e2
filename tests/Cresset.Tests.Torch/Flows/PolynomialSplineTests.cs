using Cresset.Flows;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class PolynomialSplineTests
{
    [Theory]
    [InlineData(1, "unit_linear")]
    [InlineData(2, "unit_quadratic")]
    [InlineData(3, "unit_cubic")]
    public void ValuesEqualTheReference(int degree, string name)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("rqs");
        Tensor uw = file.Read("uw"), uh = file.Read("uh");
        var raw = degree switch
        {
            1 => uw,
            2 => cat([uw, uh, uh.narrow(2, 0, 1)], 2),
            _ => cat([uw, uh, file.Read("unit_cubic.ud_left"), file.Read("unit_cubic.ud_right")], 2),
        };
        var spline = new PolynomialSpline(new PolynomialSplineOptions { Degree = degree, Low = 0, High = 1, Tails = SplineTails.None });
        Assert.Equal(raw.size(2), spline.Parameters);
        var x = file.Read("unit.x");
        var (y, log) = spline.Forward(x, raw);
        FlowGoldens.Close(file.Read($"{name}.y"), y, 1e-9, "y");
        FlowGoldens.Close(file.Read($"{name}.lad"), log, 1e-9, "lad");
        var (back, backLog) = spline.Inverse(y, raw);
        FlowGoldens.Close(x, back, 1e-8, "round trip");
        FlowGoldens.Close(-log, backLog, 1e-6, "log-derivative of the inverse");
        Assert.Throws<ArgumentOutOfRangeException>(() => spline.Forward(full([48, 3], -0.5, dtype: ScalarType.Float64), raw));
    }

    /// <summary>
    /// Round trip, log-derivative and slope 1 at the ends of quadratic pieces, for any number of bins and size of the parameters.
    /// </summary>
    [Fact]
    public void PropertiesOverRandomSettings()
    {
        Gen.Select(Gen.Int[1, 3], Gen.Int[2, 11], Gen.Double[0.1, 4], Gen.Int[0, 1000]).Sample(
            (degree, bins, spread, seed) =>
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator((ulong)seed);
                var options = new PolynomialSplineOptions { Degree = degree, Bins = bins, Low = -2, High = 2 };
                var spline = new PolynomialSpline(options);
                var raw = (randn(20, 3, options.RawCount, dtype: ScalarType.Float64, generator: generator) * spread).requires_grad_(true);
                var x = (randn(20, 3, dtype: ScalarType.Float64, generator: generator) * 2).requires_grad_(true);
                var (y, log) = spline.Forward(x, raw);
                var slope = autograd.grad([y.sum()], [x], retain_graph: true)[0];
                FlowGoldens.Close(log, slope.log(), 1e-7, "log-derivative");
                var (back, _) = spline.Inverse(y, raw);
                FlowGoldens.Close(x, back, 1e-6, "round trip");
                // The inverse undoes the map whatever the parameters are: its gradient by them cancels that of the map.
                var through = autograd.grad([back.sum()], [raw])[0];
                Assert.True(through.abs().max().ToDouble() < 1e-6, $"gradient through the round trip {through.abs().max().ToDouble():g3}");
                if (degree != 2) return;
                // So close to the end that even a steep bend of the last bin cannot move the slope.
                var (_, atEnds) = spline.Forward(tensor(new[,] { { -2.0, 2.0, -2 + 1e-13 } }), raw.narrow(0, 0, 1));
                FlowGoldens.Close(zeros_like(atEnds), atEnds, 1e-6, "slope at the ends");
            },
            iter: 40,
            threads: 1);
    }

    [Fact]
    public void BadOptionsAreNamed()
    {
        Assert.Contains("Degree",
            Assert.Throws<Cresset.Numerics.InvalidOptionsException>(
                () => new PolynomialSpline(new PolynomialSplineOptions { Degree = 4 })).Message);
        Assert.Throws<Cresset.Numerics.InvalidOptionsException>(
            () => new PolynomialSpline(new PolynomialSplineOptions { Tails = SplineTails.Circular }));
        using var scope = NewDisposeScope();
        Assert.Throws<Cresset.Tensors.ShapeException>(
            () => new PolynomialSpline(new PolynomialSplineOptions()).Forward(zeros(2, 3), zeros(2, 3, 4)));
    }
}
