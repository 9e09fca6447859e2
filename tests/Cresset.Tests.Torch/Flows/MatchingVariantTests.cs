using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class MatchingVariantTests
{
    [Theory]
    [InlineData("icfm_s0.1", BridgeKind.Independent, 0.1)]
    [InlineData("target_s0.1", BridgeKind.Target, 0.1)]
    [InlineData("sb_s1", BridgeKind.SchroedingerBridge, 1)]
    [InlineData("vp_s0.1", BridgeKind.VariancePreserving, 0.1)]
    public void BridgesEqualTheReference(string name, BridgeKind kind, double sigma)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("flow_matching");
        var batch = new BridgePath(kind, sigma).At(file.Read("x0"), file.Read("x1"), file.Read("t"), file.Read("cfm.eps"));
        FlowGoldens.Close(file.Read($"cfm.{name}.xt"), batch.State, 1e-9);
        FlowGoldens.Close(file.Read($"cfm.{name}.ut"), batch.Velocity, 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void DiscreteMatchingEqualsTheReference(int power)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("flow_matching");
        var matching = new DiscreteMatching(new PolynomialPath(power));
        Tensor logits = file.Read("disc.logits"), t = file.Read("disc.t"), data = file.Read("disc.x_1"), state = file.Read("disc.x_t");
        FlowGoldens.Close(file.Read($"disc.poly{power}.velocity"), matching.Velocity(logits, state, t), 1e-9);
        var loss = matching.Loss(logits, data, state, t);
        FlowGoldens.Close(file.Read($"disc.poly{power}.gkl_none"), loss, 1e-9);
        FlowGoldens.Close(file.Read($"disc.poly{power}.gkl_mean"), loss.mean(), 1e-9);
        Assert.Throws<ArgumentException>(() => new DiscreteMatching(ProbabilityPath.Cosine));
    }

    /// <summary>With the true posterior of a known distribution the sampler draws that distribution.</summary>
    [Fact]
    public void DiscreteSamplesFollowTheData()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        var p = tensor([0.5f, 0.3f, 0.15f, 0.05f]);
        var source = randint(0, 4, [20_000, 1], dtype: ScalarType.Int64, generator: generator);
        // Data and source are independent: p(x_1 = k | x_t) is proportional to p_k (alpha [x_t = k] + sigma / 4).
        Tensor Posterior(Tensor x, Tensor t)
        {
            var alpha = t.reshape(-1, 1, 1);
            return (p * (alpha * nn.functional.one_hot(x, 4) + (1 - alpha) / 4)).log();
        }
        var drawn = new DiscreteMatching().Sample(Posterior, source, 50, generator);
        var share = nn.functional.one_hot(drawn.flatten(), 4).to(ScalarType.Float32).mean([0L]);
        FlowGoldens.Close(p, share, 0.015);
    }

    /// <summary>For normal data the best noise prediction is known: DDIM and DDPM must then draw that normal.</summary>
    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void DiffusionWithTheExactModelDrawsTheData(double eta)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var diffusion = new GaussianDiffusion(200);
        const double mean = 1.5, deviation = 0.5;
        Tensor Noise(Tensor x, Tensor t)
        {
            var bar = diffusion.AlphaBar((int)Math.Round(t[0].ToDouble() * 200));
            return (x - Math.Sqrt(bar) * mean) * (Math.Sqrt(1 - bar) / (bar * deviation * deviation + 1 - bar));
        }
        var x = diffusion.Sample(Noise, randn(20_000, 1, generator: generator), 200, eta, generator);
        Assert.Equal(mean, x.mean().ToDouble(), 1.5e-2);
        // The ancestral step's variance is that of the posterior given the clean value: with few steps slightly too small.
        Assert.Equal(deviation, x.std().ToDouble(), eta == 0 ? 1.5e-2 : 3e-2);
        Assert.True(diffusion.Loss(Noise, randn(64, 1, generator: generator), generator).isfinite().ToBoolean());
    }

    [Fact]
    public void ReflowPairsAndStraightness()
    {
        using var scope = NewDisposeScope();
        var x = randn(100, 2, dtype: ScalarType.Float64);
        var (source, data) = Reflow.Pairs((t, y) => ones_like(y) * 2, x, batchSize: 30);
        FlowGoldens.Close(source + 2, data, 1e-12);
        Assert.Equal(0, Reflow.Straightness((t, y) => ones_like(y) * 2, x), 12);
        Assert.True(Reflow.Straightness((t, y) => y, x) > 0.01);
    }
}
