using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.StochasticApproximation;

/// <summary>Paths against reference values: given noise, given perturbations.</summary>
public sealed class ReferencePathTests
{
    private static readonly ReferenceTensors Reference = new("optim/schedulers_sa.safetensors");

    private static double Objective(ReadOnlySpan<double> v)
        => ((v[0] - 1) * (v[0] - 1)) + (2 * (v[1] + 0.5) * (v[1] + 0.5)) + (0.5 * (v[2] - v[0]) * (v[2] - v[0]));

    [Fact]
    public void RobbinsMonroWithGivenNoiseAndItsPolyakAverage()
    {
        var noise = Reference["sa_rm/noise"];
        var n = 0;
        var run = new RobbinsMonro(x => Math.Tanh(x - 1) + (0.5 * noise[n++]), 3,
            new ApproximationOptions { Steps = StepSizeRule.Power(2, 0.7), Averaging = new IterateAverageOptions() });
        var trace = run.Run(noise.Length);
        var (x, average) = (Reference["sa_rm/x"], Reference["sa_rm/polyak"]);
        for (var k = 0; k < x.Length; k++)
        {
            Assert.Equal(x[k], trace.Points[k + 1].Iterate[0], 1e-12);
            Assert.Equal(average[k], trace.Points[k + 1].Average[0], 1e-12);
        }
    }

    [Fact]
    public void SpsaWithGivenPerturbations()
    {
        var (signs, expected) = (Reference["sa_spsa/delta"], Reference["sa_spsa/theta"]);
        var at = 0;
        var run = new Spsa(Objective, [2, 2, -2], delta =>
            {
                signs.AsSpan(at, 3).CopyTo(delta);
                at += 3;
            },
            new ApproximationOptions { Steps = StepSizeRule.Power(0.2, 0.602, 10) }, StepSizeRule.Power(0.1, 0.101));
        AssertPath(expected, run.Run(100));
        Assert.Equal(200, run.Evaluations);
    }

    [Fact]
    public void KieferWolfowitzWithoutNoise()
    {
        var run = new KieferWolfowitz(Objective, [2, 2, -2], new ApproximationOptions { Steps = StepSizeRule.Power(0.3) },
            StepSizeRule.Power(0.3, 1.0 / 3));
        AssertPath(Reference["sa_kw/theta"], run.Run(100));
        Assert.True(run.Conditions.Satisfied);
        Assert.Equal(600, run.Evaluations);
    }

    [Theory]
    [InlineData("rm_1_over_t", 1.0)]
    [InlineData("rm_power_.75", 0.75)]
    public void PowerRules(string name, double alpha)
    {
        var expected = Reference[name + "/lr"];
        var rule = StepSizeRule.Power(0.1, alpha);
        for (var k = 0; k < expected.Length; k++) Assert.Equal(expected[k], rule.At(k), 1e-12);
    }

    private static void AssertPath(double[] expected, ApproximationTrace trace)
    {
        for (var k = 0; k < trace.Points.Count - 1; k++)
        {
            for (var i = 0; i < 3; i++)
            {
                var e = expected[(3 * k) + i];
                Assert.Equal(e, trace.Points[k + 1].Iterate[i], 1e-12 * Math.Max(1, Math.Abs(e)));
            }
        }
    }
}
