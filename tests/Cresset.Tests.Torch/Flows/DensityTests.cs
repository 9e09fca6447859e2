using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Laws of every density model over the plane: it integrates to 1, and its samples come from its density.</summary>
public sealed class DensityTests
{
    private static readonly VectorFlowOptions Small = new() { Transforms = 3, Hidden = [16, 16], Spline = SplineOptions.Bounded(4, 6) };

    private static readonly Dictionary<string, Func<DensityModel>> Models = new()
    {
        ["nice"] = () => new Nice(Small),
        ["nice with a normal prior"] = () => new Nice(Small, logistic: false),
        ["real nvp"] = () => new RealNvp(Small),
        ["spline coupling"] = () => new NeuralSplineCouplingFlow(Small),
        ["spline autoregressive"] = () => new NeuralSplineFlow(Small),
        ["maf"] = () => new Maf(Small),
        ["iaf"] = () => new Iaf(Small),
        ["quadratic spline on a mixture"] = () => new Flow(
            new Coupling([true, false], new PolynomialSpline(new PolynomialSplineOptions { Low = -4, High = 4 }),
                (i, o) => new MlpConditioner(i, o, [16])),
            new GaussianMixtureBase(3, 2, 1.5, new Generator(2))),
        ["linear, actnorm, planar"] =
            () => new Flow(new CompositeTransform([new LuLinear(2), new ActNorm(2), new PlanarTransform(2), new RadialTransform(2)]),
                new NormalBase(2)),
        ["continuous"] =
            () => new ContinuousFlow(new MlpVelocity(new MlpVelocityOptions { Hidden = [16, 16], Activation = "tanh" }), new NormalBase(2),
                new CnfOptions { Solver = OdeOptions.Dopri5(1e-5) }),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    // Moved away from the start, but gently: the grid must resolve the density.
    private static DensityModel Make(string name)
    {
        using var generator = new Generator(3);
        var model = Models[name]();
        using var noGrad = no_grad();
        foreach (var parameter in model.parameters()) parameter.add_(randn(parameter.shape, generator: generator) * 0.1);
        // ActNorm takes its scale from its first batch.
        model.LogProb(randn(64, 2, generator: generator));
        model.eval();
        return model;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheDensityIntegratesToOne(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Make(name);
        // Logistic tails reach far.
        var reach = name == "nice" ? 24.0 : 12.0;
        var side = name == "continuous" ? 160 : 400;
        var step = 2 * reach / side;
        var axis = linspace(-reach + step / 2, reach - step / 2, side);
        var grid = stack([axis.repeat(side), axis.repeat_interleave(side)], 1);
        var mass = model.LogProb(grid).to(ScalarType.Float64).exp().sum().ToDouble() * step * step;
        Assert.Equal(1, mass, 5e-3);
    }

    /// <summary>
    /// A two-sample test: the plane is cut into cells, and the number of samples in each follows from the integral of the density over it.
    /// Chi-squared with about 60 cells; 130 has a chance below one in a million.
    /// </summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void SamplesFollowTheDensity(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(4);
        using var model = Make(name);
        const int count = 4000, cells = 10, inside = 12;
        var samples = model.Sample(count, generator: generator);
        double low = samples.min().ToDouble() - 1e-3, width = samples.max().ToDouble() - low + 1e-3;
        var step = width / (cells * inside);
        var axis = linspace(low + step / 2, low + width - step / 2, cells * inside);
        var grid = stack([axis.repeat(cells * inside), axis.repeat_interleave(cells * inside)], 1);
        var density = model.LogProb(grid).to(ScalarType.Float64).exp().reshape(cells, inside, cells, inside).sum([1, 3]) * step * step
            * count;
        var index = ((samples - low) / width * cells).floor().clamp(0, cells - 1).to(ScalarType.Int64);
        var counted = (index.select(1, 1) * cells + index.select(1, 0)).bincount(null, cells * cells).to(ScalarType.Float64);
        double chi = 0, rest = count, restSeen = count;
        var used = 0;
        double[] expected = density.flatten().data<double>().ToArray(), seen = counted.data<double>().ToArray();
        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i] < 8) continue;
            chi += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
            (rest, restSeen) = (rest - expected[i], restSeen - seen[i]);
            used++;
        }
        if (rest > 8) chi += (restSeen - rest) * (restSeen - rest) / rest;
        Assert.True(used > 8, $"only {used} cells");
        // Mean k, deviation sqrt(2 k): six deviations above.
        Assert.True(chi < used + 6 * Math.Sqrt(2 * used), $"chi-squared {chi:0} over {used} cells");
    }

    /// <summary>The test above notices a model whose samples do not follow its density.</summary>
    [Fact]
    public void TemperatureDrawsNearerTheModes()
    {
        using var scope = NewDisposeScope();
        foreach (var name in new[] { "nice", "real nvp", "maf", "quadratic spline on a mixture" })
        {
            using var generator = new Generator(5);
            using var model = Make(name);
            var warm = model.LogProb(model.Sample(1000, generator: generator)).mean().ToDouble();
            var cold = model.LogProb(model.Sample(1000, temperature: 0.5, generator: generator)).mean().ToDouble();
            Assert.True(cold > warm + 0.3, $"{name}: {cold:0.00} against {warm:0.00}");
            Assert.Throws<ArgumentOutOfRangeException>(() => model.Sample(1, temperature: -1));
        }
    }
}
