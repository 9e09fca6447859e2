using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.Random;

public sealed class SplitMix64Tests
{
    [Fact]
    public void StreamsOfNeighbouringItemsAreUncorrelatedAndUniform()
    {
        const int Items = 20_000;
        double sum = 0, square = 0, product = 0;
        var last = 0.5;
        for (var i = 0UL; i < Items; i++)
        {
            var stream = SplitMix64.ForIndex(1, i);
            var x = stream.NextDouble();
            sum += x;
            square += x * x;
            product += (x - 0.5) * (last - 0.5);
            last = x;
        }
        Assert.InRange(sum / Items, 0.5 - 0.009, 0.5 + 0.009);
        Assert.InRange(square / Items, (1 / 3.0) - 0.009, (1 / 3.0) + 0.009);
        Assert.InRange(product / Items, -0.0025, 0.0025);
    }

    [Fact]
    public void SplitStreamsDifferAndRepeatWithTheSeed()
    {
        var a = new SplitMix64(9);
        var b = new SplitMix64(9);
        var childA = a.Split();
        var childB = b.Split();
        for (var i = 0; i < 50; i++)
        {
            var x = childA.Next();
            Assert.Equal(x, childB.Next());
            Assert.NotEqual(x, a.Next());
        }
    }

    [Fact]
    public void NormalsHaveMeanZeroAndVarianceOne()
    {
        var stream = new SplitMix64(4);
        double sum = 0, square = 0;
        const int Draws = 100_000;
        for (var i = 0; i < Draws; i++)
        {
            var x = stream.NextNormal();
            sum += x;
            square += x * x;
        }
        Assert.InRange(sum / Draws, -0.013, 0.013);
        Assert.InRange(square / Draws, 1 - 0.02, 1 + 0.02);
    }
}
