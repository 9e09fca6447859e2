using Cresset.Optim;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

[LeakFree]
public sealed class RaceTests
{
    [Fact]
    public void SurfacesHaveTheRightGradientAndMinimum()
    {
        foreach (var surface in TestSurface.All)
        {
            Assert.Equal(0, surface.Value(surface.Minimum.X, surface.Minimum.Y), 1e-15);
            foreach (var (x, y) in new[] { surface.Start, (0.3, -0.7), (1.7, 0.4) })
            {
                const double H = 1e-6;
                var (gx, gy) = surface.Gradient(x, y);
                Assert.Equal((surface.Value(x + H, y) - surface.Value(x - H, y)) / (2 * H), gx, 1e-4 * (1 + Math.Abs(gx)));
                Assert.Equal((surface.Value(x, y + H) - surface.Value(x, y - H)) / (2 * H), gy, 1e-4 * (1 + Math.Abs(gy)));
            }
        }
    }

    [Theory]
    [InlineData("adam", 1e-2)]
    [InlineData("momentum", 1e-2)]
    [InlineData("lbfgs", 1e-12)]
    public void ARaceEndsNearTheMinimumAndKeepsThePath(string name, double limit)
    {
        var result = OptimizerRace.OnSurface(TestSurface.Beale, RaceParticipant.Of(name), 120);
        Assert.True(result.Losses[^1] < limit, $"{result.Losses[^1]}");
        Assert.Equal(result.Losses.Length, result.Xs.Length);
        Assert.Equal(TestSurface.Beale.Start, (result.Xs[0], result.Ys[0]));
    }

    [Fact]
    public void TheNetLearnsAndTheSameSeedGivesTheSameLosses()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = randn([200, 5], generator: generator);
        var y = x.select(1, 0).gt(0).to(int64);
        var one = OptimizerRace.OnNet(x, y, RaceParticipant.Of("adamw"), 40, 3);
        var two = OptimizerRace.OnNet(x, y, RaceParticipant.Of("adamw"), 40, 3);
        Assert.Equal(one.Losses, two.Losses);
        Assert.True(one.Losses[^1] < 0.3 * one.Losses[0]);
    }

    [Fact]
    public void DecoupledDecayIsTheSameForAllAndCoupledDecayDependsOnTheGradients()
    {
        var results = DecayExperiment.Run([0.01, 1, 100], steps: 300, copies: 500);
        var expected = Math.Pow(1 - (1e-3 * 0.5), 300);
        Assert.All(results, r => Assert.Equal(expected, r.Decoupled, 0.01));
        Assert.True(results[0].Coupled < expected - 0.1);
        Assert.True(results[2].Coupled > 0.98);
    }
}
