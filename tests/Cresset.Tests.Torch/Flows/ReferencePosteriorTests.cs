using Cresset.Recipes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>The posteriors that models are judged by, and the judge.</summary>
public sealed class ReferencePosteriorTests
{
    [Fact]
    public void TheTestKnowsEqualAndUnequalSets()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var generator = new Generator(1);
        Tensor a = randn(600, 2, generator: generator), b = randn(600, 2, generator: generator),
            far = randn(600, 2, generator: generator) + 4;
        Assert.InRange(TwoSampleTest.Accuracy(a, b, generator), 0.44, 0.56);
        Assert.True(TwoSampleTest.Accuracy(a, far, generator) > 0.97);
        // Equal margins, another dependence: no test of single columns sees it.
        Tensor x = randn(600, generator: generator), y = randn(600, generator: generator) * 0.3;
        Assert.True(TwoSampleTest.Accuracy(stack([x, (x * 0.95) + y], 1), a, generator) > 0.62);
        using var again = new Generator(7);
        using var once = new Generator(7);
        Assert.Equal(TwoSampleTest.Accuracy(a, b, once), TwoSampleTest.Accuracy(a, b, again));
        Assert.Throws<ArgumentException>(() => TwoSampleTest.Accuracy(full([9, 2], float.NaN), ones(9, 2), generator));
        Assert.Throws<ArgumentException>(() => TwoSampleTest.Accuracy(a.narrow(0, 0, 3), b, generator));
    }

    /// <summary>Parameters of the posterior make observations like the one they were drawn for.</summary>
    [Fact]
    public void TwoMoonsExplainTheirObservation()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var reference = ReferencePosterior.Of("two-moons-pairs")!;
        foreach (var observation in reference.Observations)
        {
            var draws = reference.Draw(2000, observation, generator);
            Assert.Equal([2000L, 2L], draws.shape);
            Assert.True(draws.abs().max().ToDouble() < 1);
            // What is left is a point of the crescent: at a distance of 0.1 from (0.25, 0), on its right.
            Tensor first = draws.select(1, 0), second = draws.select(1, 1);
            Tensor u = observation[0] + ((first + second).abs() / Math.Sqrt(2)) - 0.25,
                v = observation[1] - ((second - first) / Math.Sqrt(2));
            Assert.InRange((u.square() + v.square()).sqrt().mean().ToDouble(), 0.098, 0.102);
            Assert.True(u.min().ToDouble() > -1e-5);
            // Both crescents.
            Assert.InRange((first + second > 0).to(ScalarType.Float64).mean().ToDouble(), 0.4, 0.6);
        }
    }

    /// <summary>The moves leave the posterior as it is: moments agree with those of weighted draws of the prior.</summary>
    [Fact]
    public void ThePosteriorOfFourModesHasItsMoments()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var reference = ReferencePosterior.Of("slcp-pairs")!;
        var observation = reference.Observations[0];
        var draws = reference.Draw(2000, observation, generator);
        Assert.True(draws.abs().max().ToDouble() < 3);
        foreach (var column in new[] { 2, 3 })
            Assert.InRange((draws.select(1, column) > 0).to(ScalarType.Float64).mean().ToDouble(), 0.45, 0.55);
        // By importance sampling from the prior.
        var prior = (rand(400_000, 5, dtype: ScalarType.Float64, generator: generator) * 6) - 3;
        Tensor[] p = prior.unbind(1);
        Tensor s1 = p[2].square(), s2 = p[3].square(), rho = p[4].tanh(), log = zeros(prior.size(0), dtype: ScalarType.Float64);
        for (var i = 0; i < 4; i++)
        {
            Tensor dx = (observation[2 * i] - p[0]) / s1, dy = (observation[(2 * i) + 1] - p[1]) / s2;
            log = log - ((dx.square() - (rho * dx * dy * 2) + dy.square()) / (1 - rho.square()) / 2) - s1.log() - s2.log()
                - ((1 - rho.square()).log() / 2);
        }
        var weights = nn.functional.softmax(log, 0);
        for (var column = 0; column < 5; column++)
        {
            Tensor Seen(Tensor values) => column is 2 or 3 ? values.abs() : values;
            var expected = (Seen(p[column]) * weights).sum().ToDouble();
            var spread = Math.Sqrt(((Seen(p[column]) - expected).square() * weights).sum().ToDouble());
            Assert.Equal(expected, Seen(draws.select(1, column)).to(ScalarType.Float64).mean().ToDouble(), 0.15 * spread);
            Assert.InRange(Seen(draws.select(1, column)).to(ScalarType.Float64).std().ToDouble() / spread, 0.85, 1.15);
        }
    }
}
