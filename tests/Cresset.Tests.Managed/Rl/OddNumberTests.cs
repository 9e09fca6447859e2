using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Tables and features where numbers leave the ordinary: no value is silently another one.</summary>
public sealed class OddNumberTests
{
    [Fact]
    public void ValuesOfTwoTablesAreTheirMean()
    {
        var learner = new DoubleQLearning(1, 1, new RandomStream(2), new() { Gamma = .9, StepSize = StepSizeRule.Constant(.5) });
        for (var i = 0; i < 2000; i++) learner.Observe(new Transition(0, 0, -1, 0));
        Assert.Equal(-10, learner.StateValues()[0], 1e-3);
        Assert.Equal(.5 * (learner.Values[0] + learner.SecondValues[0]), learner.StateValues()[0]);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void AStateWithoutActionsIsNamed(double epsilon)
    {
        var learner = new QLearning(2, 3, new() { Exploration = new() { Epsilon = epsilon } }, (state, _) => state == 0);
        Assert.InRange(learner.Act(0, new RandomStream(1)), 0, 2);
        Assert.Contains("State 1 has none of its 3 actions", Assert.Throws<InvalidOperationException>(
            () => learner.Act(1, new RandomStream(1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, double.NaN, "reward")]
    [InlineData(0, double.PositiveInfinity, "reward")]
    [InlineData(3, 1.0, "arm")]
    [InlineData(-1, 1.0, "arm")]
    public void ABanditNamesWhatItCannotLearnFrom(int arm, double reward, string name)
    {
        var learner = new BanditLearner(3);
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => learner.Observe(arm, reward)).ParamName);
        Assert.All(learner.Values, v => Assert.Equal(0, v));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1e300)]
    public void ANumberWithoutATileIsNamed(double value) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TileCoder(64, 8).Of([value]));

    [Fact]
    public void SharesOfBumpsAreDefinedFarFromEveryCentre()
    {
        var map = new RadialBasisFeatures([[0.0], [1.0]], .01, normalized: true);
        Assert.Equal([0, 1], map.Of(100.0));
        Assert.Equal([.5, .5], map.Of(.5));
        var near = new RadialBasisFeatures([[0.0], [1.0]], .5, normalized: true).Of(.3);
        double a = Math.Exp(-.09 / .5), b = Math.Exp(-.49 / .5);
        Assert.Equal(a / (a + b), near[0], 1e-14);
    }
}
