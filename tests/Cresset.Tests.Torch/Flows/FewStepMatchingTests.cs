using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Mean flows, stochastic equations, bridges with scores, draws from plans and pairing by conditions.</summary>
public sealed class FewStepMatchingTests
{
    // x_0 = 0 exactly moves to x_1 = a: the average velocity of the deterministic path x_s = s a is a at any time.
    private sealed class Affine(Tensor weight) : IAverageVelocityModel
    {
        public Tensor Average(Tensor state, Tensor from, Tensor to, Tensor? context = null)
            => state * weight[0] + from.unsqueeze(1) * weight[1] + to.unsqueeze(1) * weight[2] + weight[3]
                + state * from.unsqueeze(1) * weight[4];
    }

    [Fact]
    public void TheTargetOfAMeanFlowHoldsTheDerivativeAlongThePath()
    {
        using var scope = NewDisposeScope();
        var weight = tensor([0.3, -0.2, 0.5, 0.7, 0.4], dtype: ScalarType.Float64).requires_grad_(true);
        var model = new Affine(weight);
        Tensor source = randn(50, 1, dtype: ScalarType.Float64), data = randn(50, 1, dtype: ScalarType.Float64);
        using var one = new Generator(3);
        using var two = new Generator(3);
        var loss = MeanFlow.Loss(model, source, data, instantShare: 0, power: 0, generator: one);
        Tensor a = rand(50, generator: two).to(ScalarType.Float64), b = rand(50, generator: two).to(ScalarType.Float64);
        Tensor from = minimum(a, b).unsqueeze(1), to = maximum(a, b).unsqueeze(1);
        var v = data - source;
        var x = source + v * from;
        // du/dfrom = v (w0 + w4 from) + w1 + w4 x, by hand.
        var along = v * (0.3 + 0.4 * from) - 0.2 + 0.4 * x;
        var expected = (model.Average(x, from.squeeze(1), to.squeeze(1)) - (v + (to - from) * along).detach()).square().mean();
        Assert.Equal(expected.ToDouble(), loss.ToDouble(), 9);
        FlowGoldens.Close(autograd.grad([expected], [weight])[0], autograd.grad([loss], [weight])[0], 1e-9);
    }

    [Fact]
    public void AMeanFlowLearnsOneStep()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        // Tests that run beside this one draw from the shared stream.
        using var generator = new Generator(5);
        var model = new MlpAverageVelocity(new MlpVelocityOptions { Features = 1, Hidden = [32, 32], Activation = "silu" });
        var optimizer = optim.Adam(model.parameters(), 5e-3);
        for (var i = 0; i < 400; i++)
        {
            using var step = NewDisposeScope();
            optimizer.zero_grad();
            MeanFlow.Loss(model, randn(256, 1, generator: generator), randn(256, 1, generator: generator) * 0.5 + 3, generator: generator)
                .backward();
            optimizer.step();
        }
        foreach (var steps in new[] { 1, 2 })
        {
            var samples = MeanFlow.Sample(model, randn(2000, 1, generator: generator), steps);
            Assert.Equal(3, samples.mean().ToDouble(), 0.2);
            Assert.Equal(0.5, samples.std().ToDouble(), 0.2);
        }
    }

    [Theory]
    [InlineData(SdeMethod.EulerMaruyama)]
    [InlineData(SdeMethod.Heun)]
    public void AnOrnsteinUhlenbeckProcessHasItsMoments(SdeMethod method)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        double[] times = [.. Enumerable.Range(0, 101).Select(i => i / 50.0)];
        var states = Sde.Solve((_, y) => -y, (_, _) => full(1, 0.8, dtype: ScalarType.Float64),
            full(20_000, 2.0, dtype: ScalarType.Float64), times, method, generator);
        Assert.Equal([101L, 20_000L], states.shape);
        Assert.Equal(2 * Math.Exp(-2), states[-1].mean().ToDouble(), 0.02);
        Assert.Equal(0.64 / 2 * (1 - Math.Exp(-4)), states[-1].var().ToDouble(), 0.015);
        using var again = new Generator(4);
        FlowGoldens.Close(states,
            Sde.Solve((_, y) => -y, (_, _) => full(1, 0.8, dtype: ScalarType.Float64), full(20_000, 2.0, dtype: ScalarType.Float64), times,
                method, again), 0);
        Assert.Throws<OdeStepException>(() => Sde.Solve((_, y) => y / 0.0, (_, _) => ones(1), ones(2), [0, 1], method));
    }

    [Fact]
    public void ABridgeWithItsScoreCarriesOneCloudToTheOther()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        MlpVelocity Net() => new(new MlpVelocityOptions { Features = 1, Hidden = [32, 32], Activation = "silu" });
        MlpVelocity velocity = Net(), score = Net();
        var optimizer = optim.Adam(velocity.parameters().Concat(score.parameters()), 5e-3);
        const double sigma = 0.7;
        for (var i = 0; i < 300; i++)
        {
            using var step = NewDisposeScope();
            Tensor source = randn(128, 1) - 2, data = randn(128, 1) * 0.5 + 2;
            var (a, b) = OptimalTransport.DrawPairs(source, data, 2 * sigma * sigma);
            optimizer.zero_grad();
            ScoreFlowMatching.Loss(velocity, score, ScoreFlowMatching.Draw(source.index_select(0, a), data.index_select(0, b), sigma),
                sigma).backward();
            optimizer.step();
        }
        var samples = ScoreFlowMatching.Sample(velocity, score, randn(2000, 1) - 2, sigma, 50);
        Assert.Equal(2, samples.mean().ToDouble(), 0.25);
        Assert.Equal(0.5, samples.std().ToDouble(), 0.25);
    }

    [Fact]
    public void PlansAreDrawnFromAndConditionsArePairedBy()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var drawn = TransportPlan.Draw([0, 0.3, 0, 0.7], 10_000, generator).bincount(null, 4).to(ScalarType.Float64).data<double>()
            .ToArray();
        Assert.Equal(0, drawn[0] + drawn[2]);
        Assert.Equal(0.3, drawn[1] / 10_000, 0.02);
        Assert.Throws<ArgumentException>(() => TransportPlan.Draw([0, 0], 1));
        Tensor x = tensor([0.0, 10.0, 20.0]).unsqueeze(1), y = tensor([21.0, 1.0, 11.0]).unsqueeze(1);
        var (rows, columns) = OptimalTransport.DrawPairs(x, y, 0, 300, generator);
        Assert.True((x.index_select(0, rows) + 1 - y.index_select(0, columns)).abs().max().ToDouble() == 0);
        // Without conditions the near ones are paired, with heavy ones those of equal condition.
        Tensor c = tensor([0.0, 1.0, 2.0]).unsqueeze(1), d = tensor([0.0, 1.0, 2.0]).unsqueeze(1);
        FlowGoldens.Close(tensor([20.0, 0.0, 10.0]), OptimalTransport.Couple(x, y, c, d, 0), 0);
        FlowGoldens.Close(tensor([0.0, 10.0, 20.0]), OptimalTransport.Couple(x, y, c, d, 1e6), 0);
    }
}
