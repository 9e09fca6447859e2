using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class BaseDistributionTests
{
    private static readonly Dictionary<string, (Func<BaseDistribution> Make, double Reach)> Bases = new()
    {
        ["normal"] = (() => new NormalBase(1), 9),
        ["logistic"] = (() => new LogisticBase(1), 40),
        ["uniform"] = (() => new UniformBase(-2, 3, 1), 4),
        ["mixture"] = (() => new GaussianMixtureBase(4, 1, 2, new Generator(1)), 15),
        ["one class"] = (() => new ClassConditionalNormal(1, 1), 9),
    };

    public static TheoryData<string> Names => [.. Bases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void DensitySamplesAndTemperatureAgree(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(8);
        var (make, reach) = Bases[name];
        using var distribution = make();
        if (name == "mixture")
        {
            foreach (var parameter in distribution.parameters()) parameter.add_(randn(parameter.shape, generator: generator) * 0.3);
        }
        const int points = 40_000;
        var step = 2 * reach / points;
        var grid = linspace(-reach + step / 2, reach - step / 2, points, dtype: ScalarType.Float64).unsqueeze(1).to(ScalarType.Float32);
        var density = distribution.LogProb(grid).to(ScalarType.Float64).exp() * step;
        Assert.Equal(1, density.sum().ToDouble(), 1e-3);
        // Kolmogorov and Smirnov: the largest gap between the two distribution functions.
        const int count = 20_000;
        var samples = distribution.Sample(count, generator: generator).flatten().sort().Values.to(ScalarType.Float64);
        var places = ((samples + reach) / step).clamp(0, points - 1).to(ScalarType.Int64);
        var exact = density.cumsum(0).index_select(0, places);
        var gap = (exact - arange(1, count + 1, dtype: ScalarType.Float64) / count).abs().max().ToDouble();
        Assert.True(gap < 2 / Math.Sqrt(count), $"gap {gap:0.0000}");
        var warm = distribution.Sample(4000, generator: generator).std().ToDouble();
        var cold = distribution.Sample(4000, temperature: 0.25, generator: generator).std().ToDouble();
        // A mixture's centres stay where they are.
        if (name == "mixture") Assert.True(cold < warm);
        else Assert.Equal(0.25, cold / warm, 0.03);
        Assert.Throws<ArgumentOutOfRangeException>(() => distribution.Sample(1, temperature: double.NaN));
    }

    [Fact]
    public void ClosedFormsEqualTheReference()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("flow_matching");
        var x = file.Read("prior.x");
        using var logistic = new LogisticBase(1);
        logistic.to(ScalarType.Float64);
        FlowGoldens.Close(file.Read("prior.logistic_logp"), logistic.LogProb(x.unsqueeze(1)), 1e-9);
    }

    [Fact]
    public void ClassesHaveTheirOwnDistribution()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        using var distribution = new ClassConditionalNormal(3, 2);
        using (no_grad()) distribution.parameters().First().copy_(tensor(new float[,] { { -5, 0 }, { 0, 5 }, { 5, 0 } }));
        var labels = tensor(new long[] { 0, 1, 2 }).repeat_interleave(500);
        var samples = distribution.Sample(1500, labels, generator: generator);
        for (var k = 0; k < 3; k++)
        {
            var mean = samples.narrow(0, 500 * k, 500).mean([0L]);
            FlowGoldens.Close(distribution.parameters().First()[k], mean, 0.25, $"class {k}");
        }
        var own = distribution.LogProb(samples, labels).mean().ToDouble();
        var other = distribution.LogProb(samples, (labels + 1) % 3).mean().ToDouble();
        Assert.True(own > other + 10);
        Assert.Equal([7L, 2], distribution.Sample(7, generator: generator).shape);
        Assert.Contains("3 classes", Assert.Throws<ArgumentNullException>(() => distribution.LogProb(samples)).Message);
        Assert.Throws<ShapeException>(() => distribution.LogProb(samples, labels.narrow(0, 0, 3)));
    }
}
