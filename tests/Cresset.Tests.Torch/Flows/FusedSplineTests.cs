using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>The fused float32 pass against the composed float64 operations.</summary>
public sealed class FusedSplineTests
{
    public static TheoryData<SplineParameters, SplineTails, int, double, bool> Settings
    {
        get
        {
            var data = new TheoryData<SplineParameters, SplineTails, int, double, bool>();
            foreach (var parameters in Enum.GetValues<SplineParameters>())
            {
                foreach (var tails in Enum.GetValues<SplineTails>())
                {
                    foreach (var inverse in new[] { false, true })
                    {
                        data.Add(parameters, tails, 8, 1, inverse);
                        data.Add(parameters, tails, 3, 0.25, inverse);
                    }
                }
            }
            return data;
        }
    }

    private static (RationalQuadraticSpline Spline, Tensor Value, Tensor Raw) Build(SplineParameters parameters, SplineTails tails,
        int bins, double rawScale, long[]? shape = null)
    {
        using var generator = new Generator(5);
        var options = new SplineOptions { Low = -2, High = 3, Bins = bins, Parameters = parameters, Tails = tails, RawScale = rawScale };
        // 87 values: not a multiple of the vector's width.
        shape ??= [29, 3];
        var value = randn(shape, generator: generator) * 2;
        // The composed operations have no gradient where they clamp.
        if (tails == SplineTails.None) value = value.clamp(-1.9, 2.9);
        return (new RationalQuadraticSpline(options), value,
            randn([shape[0], shape[1], options.RawCount, .. shape[2..]], generator: generator) * 1.5);
    }

    private static (Tensor Output, Tensor Log) Apply(RationalQuadraticSpline spline, Tensor value, Tensor raw, bool inverse) =>
        inverse ? spline.Inverse(value, raw) : spline.Forward(value, raw);

    [Theory]
    [MemberData(nameof(Settings))]
    public void ValuesAndGradientsEqualFloat64(SplineParameters parameters, SplineTails tails, int bins, double rawScale, bool inverse)
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(parameters, tails, bins, rawScale);
        Assert.True(SplinePass.Fits(value, raw));
        var weights = randn(2, 29, 3);
        (Tensor Output, Tensor Log, Tensor Value, Tensor Raw) Run(ScalarType type)
        {
            Tensor v = value.to(type).detach().requires_grad_(true), r = raw.to(type).detach().requires_grad_(true);
            var (output, log) = Apply(spline, v, r, inverse);
            (output * weights[0] + log * weights[1]).sum().backward();
            return (output, log, v.grad!, r.grad!);
        }
        var fused = Run(ScalarType.Float32);
        var exact = Run(ScalarType.Float64);
        FlowGoldens.Close(exact.Output, fused.Output, 1e-6, "output");
        FlowGoldens.Close(exact.Log, fused.Log, 1e-6, "log-derivative");
        FlowGoldens.Close(exact.Value, fused.Value, 1e-5, "gradient of the value");
        FlowGoldens.Close(exact.Raw, fused.Raw, 1e-5, "gradient of the parameters");
        using var noGrad = no_grad();
        FlowGoldens.Close(fused.Output, Apply(spline, value, raw, inverse).Output, 0, "without gradients");
    }

    [Fact]
    public void ImagesTakeTheSamePass()
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(SplineParameters.Softmax, SplineTails.Linear, 5, 1, [2, 3, 4, 2]);
        var (y, log) = spline.Forward(value, raw);
        var (exact, exactLog) = spline.Forward(value.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        FlowGoldens.Close(exact, y, 1e-6);
        FlowGoldens.Close(exactLog, log, 1e-6);
        FlowGoldens.Close(value, spline.Inverse(y, raw).Output, 2e-3);
    }

    [Fact]
    public void ThreadsDoNotChangeResults()
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(SplineParameters.Softmax, SplineTails.Linear, 8, 1, [9001, 1]);
        var threads = get_num_threads();
        try
        {
            set_num_threads(1);
            var (one, oneLog) = spline.Forward(value, raw);
            set_num_threads(2);
            var (two, twoLog) = spline.Forward(value, raw);
            Assert.True(one.bytes.SequenceEqual(two.bytes) && oneLog.bytes.SequenceEqual(twoLog.bytes));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void SecondDerivativesGoThroughComposedOperations()
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(SplineParameters.SoftClip, SplineTails.Linear, 4, 1);
        Tensor Second(ScalarType type)
        {
            Tensor v = value.to(type).detach().requires_grad_(true), r = raw.to(type).detach().requires_grad_(true);
            var first = autograd.grad([spline.Forward(v, r).Output.sum()], [v], create_graph: true, retain_graph: true)[0];
            return autograd.grad([first.square().sum()], [r])[0];
        }
        FlowGoldens.Close(Second(ScalarType.Float64), Second(ScalarType.Float32), 1e-3, "second derivative");
    }

    [Fact]
    public void ValuesThatAreNotNumbersStayVisible()
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(SplineParameters.Softmax, SplineTails.Linear, 4, 1);
        value[0, 0] = double.NaN;
        raw[1, 0, 2] = double.NaN;
        value[1, 0] = 0;
        var (y, log) = spline.Forward(value, raw);
        Assert.True(double.IsNaN(y[0, 0].ToSingle()));
        Assert.True(double.IsNaN(y[1, 0].ToSingle()) && double.IsNaN(log[1, 0].ToSingle()));
        Assert.False(double.IsNaN(y[2, 0].ToSingle()));
    }

    [Fact]
    public void NothingLeaks()
    {
        using var scope = NewDisposeScope();
        var (spline, value, raw) = Build(SplineParameters.Softmax, SplineTails.Linear, 4, 1);
        raw = raw.detach().requires_grad_(true);
        for (var round = 0; round < 2; round++)
        {
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (NewDisposeScope())
            {
                var (y, log) = spline.Forward(value, raw);
                autograd.grad([(y + log).sum()], [raw]);
            }
            if (round == 1) Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }
}
