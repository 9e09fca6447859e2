using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.StochasticApproximation;

/// <summary>Intervals of averages, blocking, stopping, and Venter's rule.</summary>
public sealed class EngineeringTests
{
    [Fact]
    public void IntervalsOfAveragesCoverTheRootNearlyAsOftenAsTheySay()
    {
        var (covered, runs, updates) = (0, 400, 2000);
        for (var seed = 0; seed < runs; seed++)
        {
            var random = new RandomStream((ulong)seed);
            var run = new RobbinsMonro(x => x - 1 + random.NextNormal(), 0,
                new ApproximationOptions { Steps = StepSizeRule.Power(1, 0.6), Averaging = new() { BurnIn = 200 } });
            for (var i = 0; i < updates; i++) run.Advance();
            if (Math.Abs(run.Average[0] - 1) <= run.AverageHalfWidths[0]) covered++;
        }
        // 95 in 100 in the limit; after 2,000 updates about 91, within what 400 runs leave open.
        Assert.InRange(covered / (double)runs, 0.87, 0.985);
    }

    [Fact]
    public void IntervalsEqualTheirDefinitionAndNeedAUniformAverage()
    {
        var (average, random, seen) = (new IterateAverage(1), new RandomStream(2), new List<double>());
        var (sum, means) = (0.0, new List<double>());
        for (var s = 1; s <= 200; s++)
        {
            var value = 50 + random.NextNormal();
            average.Add([value]);
            sum += value;
            means.Add(sum / s);
            if (s == 20) Assert.Throws<InvalidOperationException>(average.HalfWidths);
        }
        var scale = means.Select((m, i) => (i + 1.0) * (i + 1) * (m - means[^1]) * (m - means[^1])).Sum() / (200.0 * 200);
        Assert.Equal(6.747 * Math.Sqrt(scale / 200), average.HalfWidths()[0], 1e-9);
        var weighted = new IterateAverage(1, new() { Weighting = IterateWeighting.PolynomialDecay });
        Assert.Throws<InvalidOperationException>(weighted.HalfWidths);
        Assert.Throws<InvalidOperationException>(() => new RobbinsMonro(x => x, 1).AverageHalfWidths);
    }

    [Fact]
    public void BlockingKeepsSpsaFromRunningAwayOnRosenbrock()
    {
        static double Rosenbrock(ReadOnlySpan<double> x) =>
            (100 * (x[1] - (x[0] * x[0])) * (x[1] - (x[0] * x[0]))) + ((1 - x[0]) * (1 - x[0]));
        // Steps that are far too long: without blocking the iterate runs away.
        var steps = new ApproximationOptions { Steps = Spsa.Gains(0.05, 1000) };
        Assert.Throws<ArithmeticException>(() => new Spsa(Rosenbrock, [-1.2, 1], new RandomStream(1), steps).Run(1000));
        var blocked = new Spsa(Rosenbrock, [-1.2, 1], new RandomStream(1), steps with { Blocking = 0 });
        blocked.Run(1000);
        Assert.True(blocked.Blocked > 100);
        Assert.True(Rosenbrock(blocked.Current) < Rosenbrock([-1.2, 1]));
        // Two observations an update, one look ahead, and the start once.
        Assert.Equal(3001, blocked.Evaluations);
        Assert.Contains("no objective",
            Assert.Throws<InvalidOperationException>(
                () => new RobbinsMonro(x => x, 1, new ApproximationOptions { Blocking = 1 }).Advance()).Message, StringComparison.Ordinal);
        Assert.NotEmpty(new ApproximationOptions { Blocking = double.NaN }.Validate());
    }

    [Fact]
    public void ARunEndsWhereItStandsStill()
    {
        var random = new RandomStream(4);
        var run = new RobbinsMonro(x => x - 2 + (0.1 * random.NextNormal()), 0,
            new ApproximationOptions
            {
                Steps = StepSizeRule.Power(1, 0.7),
                Averaging = new() { BurnIn = 20 },
                StillWithin = 0.002,
                StillFor = 200
            });
        var trace = run.Run(100_000, every: 50_000);
        Assert.True(run.IsStill);
        Assert.InRange(run.Step, 250, 50_000);
        Assert.Equal(run.Step, trace.Last.Step);
        Assert.Equal(2, run.Average[0], 0.02);
        var open = new RobbinsMonro(x => x - 2, 0);
        open.Run(500);
        Assert.Equal((500, false), (open.Step, open.IsStill));
    }

    [Fact]
    public void VenterLearnsTheSlopeThatTheBestStepNeeds()
    {
        // Slope 0.2: with 1/k the error falls as k^-0.2, with 1/(0.2 k) as k^-0.5.
        var (plain, venter) = (0.0, 0.0);
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new RandomStream((ulong)seed);
            double Observed(double x) => (0.2 * (x - 3)) + (0.1 * random.NextNormal());
            var slow = new RobbinsMonro(Observed, 0, new ApproximationOptions { Steps = StepSizeRule.SampleMean });
            slow.Run(4000, 4000);
            var learned = new Venter(Observed, 0);
            learned.Run(2000, 2000);
            Assert.Equal(slow.Evaluations, learned.Evaluations);
            Assert.Equal(0.2, learned.Slope, 0.1);
            plain += Math.Abs(slow.Current[0] - 3) / 20;
            venter += Math.Abs(learned.Current[0] - 3) / 20;
        }
        Assert.True(venter < plain / 4, $"{venter} and {plain}");
        Assert.Throws<ArgumentOutOfRangeException>(() => new Venter(x => x, 0, leastSlope: 0));
        // Probes keep to the bounds.
        var bounded = new Venter(x => x < 0 ? double.NaN : x - 1, 0.1,
            new ApproximationOptions { Steps = StepSizeRule.SampleMean, LowerBound = 0, UpperBound = 3 });
        bounded.Run(200);
        Assert.Equal(1, bounded.Current[0], 0.05);
    }

    [Fact]
    public void InterquartileMeansLeaveAQuarterOutAtEitherEnd()
    {
        var middle = InterquartileMean.Of([500, 10, 490, 500, 480, 500, 470, 500, 460, 500]);
        // Two of ten at either end: 470, 480, 490, 500, 500, 500.
        Assert.Equal(490, middle.Value, 1e-12);
        Assert.InRange(middle.Low, 400, 490);
        Assert.InRange(middle.High, 490, 500);
        Assert.Equal(middle, InterquartileMean.Of([500, 10, 490, 500, 480, 500, 470, 500, 460, 500]));
        Assert.Equal(new InterquartileMean(3, 3, 3), InterquartileMean.Of([3]));
        Assert.Throws<ArgumentException>(() => InterquartileMean.Of([]));
    }
}
