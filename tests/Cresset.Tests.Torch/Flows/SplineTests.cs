using Cresset.Flows;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class SplineTests
{
    private static SplineOptions Options(string convention) => convention switch
    {
        "nflows" => new SplineOptions { Low = -3, High = 3 },
        "nflows_idinit" => new SplineOptions { Low = -3, High = 3, Parameters = SplineParameters.SoftmaxIdentity },
        "zuko" => new SplineOptions { Low = -3, High = 3, Parameters = SplineParameters.SoftClip },
        _ => throw new ArgumentOutOfRangeException(nameof(convention)),
    };

    [Theory]
    [InlineData("nflows")]
    [InlineData("nflows_idinit")]
    [InlineData("zuko")]
    public void ValuesGradientsAndInversesEqualTheReference(string convention)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("rqs");
        var spline = new RationalQuadraticSpline(Options(convention));
        Tensor x = file.Read("x").requires_grad_(true), uw = file.Read("uw").requires_grad_(true),
            uh = file.Read("uh").requires_grad_(true), ud = file.Read("ud").requires_grad_(true);
        var raw = cat([uw, uh, ud], -1);
        var (y, log) = spline.Forward(x, raw);
        Tensor Expected(string name) => file.Read($"{convention}.{name}");
        FlowGoldens.Close(Expected("y"), y, 1e-9, "y");
        FlowGoldens.Close(Expected("lad"), log, 1e-9, "lad");
        (y * file.Read("gy") + log * file.Read("gl")).sum().backward();
        // At the very end of the interval the reference's last knot, a sum, falls on either side of it.
        var within = (x.abs() != 3).to(ScalarType.Float64);
        FlowGoldens.Close(Expected("grad_x") * within, x.grad! * within, 1e-8, "grad x");
        FlowGoldens.Close(Expected("grad_uw"), uw.grad!, 1e-8, "grad uw");
        FlowGoldens.Close(Expected("grad_uh"), uh.grad!, 1e-8, "grad uh");
        FlowGoldens.Close(Expected("grad_ud"), ud.grad!, 1e-8, "grad ud");
        var (back, backLog) = spline.Inverse(y, raw);
        FlowGoldens.Close(Expected("x_back"), back, 1e-8, "x back");
        FlowGoldens.Close(Expected("lad_back"), backLog, 1e-7, "lad back");
        var (inverse, inverseLog) = spline.Inverse(x, raw);
        FlowGoldens.Close(Expected("inv_of_x"), inverse, 1e-9, "inverse of x");
        FlowGoldens.Close(Expected("inv_of_x_lad"), inverseLog, 1e-9, "inverse of x lad");
        if (convention != "nflows") return;
        var (y32, log32) = spline.Forward(x.to(ScalarType.Float32), raw.to(ScalarType.Float32));
        FlowGoldens.Close(file.Read("nflows_f32.y"), y32, 1e-4, "float32 y");
        FlowGoldens.Close(file.Read("nflows_f32.lad"), log32, 1e-4, "float32 lad");
    }

    [Fact]
    public void WithoutTailsTheEndSlopesAreFree()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("rqs");
        var spline = new RationalQuadraticSpline(new SplineOptions { Low = 0, High = 1, Tails = SplineTails.None });
        var raw = cat([file.Read("uw"), file.Read("uh"), file.Read("unit.ud")], -1);
        var (y, log) = spline.Forward(file.Read("unit.x"), raw);
        FlowGoldens.Close(file.Read("unit.y"), y, 1e-9);
        FlowGoldens.Close(file.Read("unit.lad"), log, 1e-9);
        FlowGoldens.Close(file.Read("unit.x_back"), spline.Inverse(y, raw).Output, 1e-8);
        Assert.Throws<ArgumentOutOfRangeException>(() => spline.Forward(full([48, 3], 1.5, dtype: ScalarType.Float64), raw));
    }

    /// <summary>The inputs where the peers give NaN or assert: finite, and back within 1e-4.</summary>
    [Theory]
    [InlineData(10.0, SplineParameters.Softmax)]
    [InlineData(30.0, SplineParameters.Softmax)]
    [InlineData(10.0, SplineParameters.SoftClip)]
    [InlineData(30.0, SplineParameters.SoftClip)]
    public void TheInverseOfExtremeParametersIsFiniteAndAccurate(double scale, SplineParameters parameters)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(9);
        var options = SplineOptions.Bounded(3) with { Parameters = parameters };
        var spline = new RationalQuadraticSpline(options);
        var raw = randn(100_000, 1, options.RawCount, generator: generator) * scale;
        var y = (rand(100_000, 1, generator: generator) * 2 - 1) * 3;
        var (x, log) = spline.Inverse(y, raw);
        Assert.True(x.isfinite().all().ToBoolean() && log.isfinite().all().ToBoolean());
        var (exact, _) = spline.Inverse(y.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        FlowGoldens.Close(exact, x, 1e-6, "against float64");
        var (again, slope) = spline.Forward(x.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        // Rounding x to float32 alone moves y by slope * 2e-7.
        Assert.True(((again - y).abs() <= 1e-4 + slope.exp().clamp_min(1) * 1e-6).all().ToBoolean(),
            $"worst residual {(again - y).abs().max().ToDouble():g3}");
        FlowGoldens.Close(y, spline.Forward(exact, raw.to(ScalarType.Float64)).Output, 1e-6, "float64 residual");
    }

    /// <summary>Round trip and log-derivative for any number of bins, meaning and size of the parameters.</summary>
    [Fact]
    public void PropertiesOverRandomSettings()
    {
        Gen.Select(Gen.Int[2, 11], Gen.Enum<SplineParameters>(), Gen.Double[0.1, 5], Gen.Int[0, 1000]).Sample(
            (bins, parameters, spread, seed) =>
            {
                using var scope = NewDisposeScope();
                using var generator = new Generator((ulong)seed);
                var options = SplineOptions.Bounded(2, bins) with { Parameters = parameters };
                var spline = new RationalQuadraticSpline(options);
                var raw = (randn(20, 3, options.RawCount, dtype: ScalarType.Float64, generator: generator) * spread).requires_grad_(true);
                var x = (randn(20, 3, dtype: ScalarType.Float64, generator: generator) * 2).requires_grad_(true);
                var (y, log) = spline.Forward(x, raw);
                var slope = autograd.grad([y.sum()], [x], retain_graph: true)[0];
                FlowGoldens.Close(log, slope.log(), 1e-7, "log-derivative");
                FlowGoldens.Close(x, spline.Inverse(y, raw).Output, 1e-6, "round trip");
            },
            iter: 40,
            threads: 1);
    }
}
