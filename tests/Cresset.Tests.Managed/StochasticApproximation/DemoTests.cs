using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.StochasticApproximation;

/// <summary>The studies of <c>cresset sa demo</c> show what the guide says they show.</summary>
public sealed class DemoTests
{
    [Fact]
    public void TheSampleMeanWinsAndTheConstantStepStays()
    {
        var curves = ApproximationDemo.Means(1, 1000, 20).ToDictionary(c => c.Name, c => c.Errors[^1]);
        Assert.True(curves["1/k"] < curves["1/k^0.75"]);
        Assert.True(curves["1/k"] < curves["0.1"] / 3);
    }

    [Fact]
    public void TheAverageBeatsTheLastIterateAndAFiniteSumStopsShort()
    {
        var curves = ApproximationDemo.Roots(1, 2000, 20).ToDictionary(c => c.Name, c => c.Errors[^1]);
        Assert.True(curves["2/k^0.7, averaged"] < curves["2/k^0.7"] / 2);
        Assert.True(curves["0.5/k^1.5 (sum finite)"] > 0.5);
    }

    [Fact]
    public void OrderOfTheMethodsTurnsRoundNearTheOptimum()
    {
        var curves = ApproximationDemo.Descents(1).ToDictionary(c => c.Name, c => c.Errors);
        Assert.True(curves["one example, constant step"][0] < curves["whole batch"][0] / 5);
        Assert.True(curves["whole batch"][^1] < curves["one example, constant step"][^1] / 100);
        Assert.True(curves["one example, falling step"][^1] < curves["one example, constant step"][^1] / 10);
    }
}
