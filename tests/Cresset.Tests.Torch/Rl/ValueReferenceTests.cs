using Cresset.Rl.Deep;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

public sealed class ValueReferenceTests
{
    [Fact]
    public void ProjectionsEqualTheReference()
    {
        foreach (var c in DeepReference.Root.GetProperty("projection").EnumerateArray())
        {
            var p = c.Doubles("probabilities");
            var projected = new double[p.Length];
            CategoricalDistribution.Project<double>(c.Number("ret"), c.Number("discount"), p, c.Number("low"), c.Number("high"), projected);
            Near(c.Doubles("projected"), projected, 1e-12);
            Assert.Equal(1, projected.Sum(), 1e-12);
        }
    }

    [Fact]
    public void CrossEntropiesAndGradientsEqualAutograd()
    {
        foreach (var c in DeepReference.Root.GetProperty("cross_entropy").EnumerateArray())
        {
            var gradient = new double[c.Doubles("logits").Length];
            var loss = CategoricalDistribution.CrossEntropy<double>(c.Doubles("logits"), c.Doubles("target"), gradient);
            Assert.Equal(c.Number("loss"), loss, 1e-12);
            Near(c.Doubles("gradient"), gradient, 1e-12);
        }
    }

    [Fact]
    public void QuantileLossesAndGradientsEqualAutograd()
    {
        foreach (var c in DeepReference.Root.GetProperty("quantile").EnumerateArray())
        {
            var gradient = new double[c.Doubles("predicted").Length];
            var loss = RegressionLoss.Quantile<double>(c.Doubles("predicted"), c.Doubles("target"), c.Number("kappa"), gradient);
            Assert.Equal(c.Number("loss"), loss, 1e-12);
            Near(c.Doubles("gradient"), gradient, 1e-12);
        }
    }

    [Fact]
    public void TargetsEqualTheReference()
    {
        foreach (var c in DeepReference.Root.GetProperty("targets").EnumerateArray())
        {
            var (ret, discount, here, online, target) = (c.Number("ret"), c.Number("discount"), c.Doubles("here"), c.Doubles("online"),
                c.Doubles("target"));
            Assert.Equal(c.Number("dqn"), QTargets.Dqn<double>(ret, discount, target), 1e-12);
            Assert.Equal(c.Number("double"), QTargets.Double<double>(ret, discount, online, target), 1e-12);
            Assert.Equal(c.Number("munchausen"),
                QTargets.Munchausen<double>(ret, discount, here, (int)c.Number("action"), target, 0.9, c.Number("tau"), -1), 1e-12);
        }
    }

    [Fact]
    public void LambdaReturnsEqualTheForwardSum()
    {
        var c = DeepReference.Root.GetProperty("lambda");
        var returns = new double[9];
        QTargets.Lambda<double>(c.Doubles("rewards"), c.Doubles("values"), c.Flags("terminated"), c.Flags("truncated"), c.Number("gamma"),
            c.Number("lam"), returns);
        Near(c.Doubles("returns"), returns, 1e-12);
    }

    [Fact]
    public void AMassThatMeetsAnAtomIsNotLost()
    {
        var projected = new float[51];
        CategoricalDistribution.Project<float>(0, 1, Enumerable.Repeat(1f / 51, 51).ToArray(), -10, 10, projected);
        Assert.All(projected, p => Assert.Equal(1f / 51, p, 1e-5f));
    }

    private static void Near(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
