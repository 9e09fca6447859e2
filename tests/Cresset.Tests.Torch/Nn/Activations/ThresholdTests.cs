using Cresset.Nn;
using Cresset.Tensors;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

[LeakFree]
public sealed class ThresholdTests
{
    private static readonly Dictionary<SurrogateGradient, Func<double, double>> Curves = new()
    {
        [SurrogateGradient.Identity] = _ => 1,
        [SurrogateGradient.StraightThrough] = x => Math.Abs(x) <= 1 ? 1 : 0,
        [SurrogateGradient.Sigmoid] = x => 4 / (1 + Math.Exp(-4 * x)) / (1 + Math.Exp(4 * x)),
        [SurrogateGradient.ArcTan] = x => 1 / (1 + Math.Pow(Math.PI * x, 2)),
        [SurrogateGradient.FastSigmoid] = x => Math.Pow(1 + (25 * Math.Abs(x)), -2),
        [SurrogateGradient.BiReal] = x => Math.Max(0, 2 - (2 * Math.Abs(x))),
        [SurrogateGradient.Triangle] = x => Math.Max(0, 1 - Math.Abs(x)),
        [SurrogateGradient.Gaussian] = x => Math.Exp(-x * x / (2 * 0.16)) / (0.4 * Math.Sqrt(2 * Math.PI)),
    };

    public static TheoryData<SurrogateGradient> Surrogates => [.. Enum.GetValues<SurrogateGradient>()];

    [Theory]
    [MemberData(nameof(Surrogates))]
    public void ForwardIsAStepAndBackwardTheSurrogate(SurrogateGradient surrogate)
    {
        using var scope = NewDisposeScope();
        var points = new[] { -1e4, -3, -1.0001, -1, -0.3, -1e-9, 0, 1e-9, 0.3, 0.5, 1, 2, 1e4 };
        var x = tensor(points).requires_grad_();
        var step = Thresholds.Heaviside(x, surrogate);
        Assert.Equal(points.Select(p => p > 0 ? 1.0 : p < 0 ? 0 : 0.5), References.Values(step));
        step.sum().backward();
        References.Close(tensor(points.Select(Curves[surrogate]).ToArray()), x.grad!, 1e-12, 1e-15, surrogate.ToString());
        var v = tensor(points).requires_grad_();
        var sign = Thresholds.Sign(v, surrogate);
        Assert.Equal(points.Select(p => (double)Math.Sign(p)), References.Values(sign));
        Assert.False(Thresholds.Sign(v, null).requires_grad);
    }

    [Fact]
    public void ExtremesOfTheStep()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, -0.0, 5e-324 });
        Assert.Equal([double.NaN, 1, 0, 1, 1], References.Values(Thresholds.Heaviside(x, null, atZero: 1)));
        Assert.Equal([double.NaN, 1, -1, 0, 1], References.Values(Thresholds.Sign(x, null)));
    }

    [Fact]
    public void PerceptronConvergesWithinNovikoffsBoundOnSeparableData() =>
        Gen.Select(Gen.Int[1, 1_000_000], Gen.Int[1, 6], Gen.Double[0.05, 0.5]).Sample(
            (seed, dim, gap) =>
            {
                using var scope = NewDisposeScope();
                var generator = new Generator((ulong)seed);
                var w = randn(dim, dtype: ScalarType.Float64, generator: generator);
                w /= w.norm();
                var x = rand(80, dim, dtype: ScalarType.Float64, generator: generator) * 2 - 1;
                var side = x.mv(w);
                var y = where(side.ge(0), ones_like(side), -ones_like(side));
                x += (y * gap).unsqueeze(1) * w; // every point at least gap away from the plane through 0
                var perceptron = new Perceptron();
                var report = perceptron.Fit(x, y, new() { MaxEpochs = 100_000 });
                Assert.True(report.Converged);
                Assert.True(perceptron.Predict(x).allclose(y, 0, 0));
                Assert.True(report.Margin > 0);
                Assert.True(report.Mistakes <= report.MistakeBound, $"{report.Mistakes} mistakes, bound {report.MistakeBound}");
                Assert.True(report.Mistakes <= Math.Pow(report.Radius / gap, 2), "the bound of the known plane");
                Assert.Equal(report.Mistakes, report.MistakesPerEpoch.Sum());
            },
            iter: 30,
            threads: 1);

    [Fact]
    public void PerceptronStopsOnDataThatNoPlaneSeparates()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new double[,] { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } });
        var y = tensor(new double[] { -1, 1, 1, -1 });
        var report = new Perceptron().Fit(x, y, new() { MaxEpochs = 50, ShuffleSeed = 4, Averaged = true });
        Assert.False(report.Converged);
        Assert.Equal(50, report.Epochs);
        Assert.True(double.IsPositiveInfinity(report.MistakeBound));
    }

    [Fact]
    public void PerceptronRefusesBadInput()
    {
        using var scope = NewDisposeScope();
        var perceptron = new Perceptron();
        Assert.Throws<InvalidOperationException>(() => perceptron.Score(zeros(1, 2)));
        Assert.Contains("-1 or 1", Assert.Throws<ArgumentException>(() => perceptron.Fit(zeros(2, 2), tensor(new[] { 0.0, 1 }))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => perceptron.Fit(zeros(2, 2), zeros(3)));
        Assert.Throws<ArgumentException>(() => perceptron.Fit(full(2, 2, double.NaN), ones(2)));
        Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => perceptron.Fit(zeros(2, 2), ones(2), new() { LearningRate = -1 }));
    }
}
