using Cresset.Numerics;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.StochasticApproximation;

public sealed class ConvergenceTests
{
    [Fact]
    public void IncrementalMeanIsTheSampleMeanAndVariance()
        => Gen.Double[-1e3, 1e3].Array[2, 200].Sample(values =>
        {
            var mean = new IncrementalMean();
            foreach (var v in values) mean.Add(v);
            var expected = values.Average();
            Assert.Equal(expected, mean.Mean, 1e-9);
            Assert.Equal(values.Sum(v => (v - expected) * (v - expected)) / (values.Length - 1), mean.Variance, 1e-6);
        }, iter: 200, threads: 1);

    [Fact]
    public void ConstantStepMeanIsTheExponentialAverage()
    {
        var mean = new IncrementalMean(StepSizeRule.Constant(0.25), initial: 8);
        mean.Add(0);
        mean.Add(4);
        Assert.Equal((8 * 0.75 * 0.75) + 1, mean.Mean, 1e-15);
    }

    [Fact]
    public void AveragingBeatsTheLastIterateAndReachesTheOptimalVariance()
    {
        // M(x) = x with unit noise: the best variance after n observations is 1/n.
        const int Updates = 4000;
        var (last, average) = (0.0, 0.0);
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new RandomStream(seed);
            var run = new RobbinsMonro(x => x + random.NextNormal(), 2,
                new ApproximationOptions { Steps = StepSizeRule.Power(1, 0.6), Averaging = new IterateAverageOptions() });
            run.Run(Updates, Updates);
            last += run.Current[0] * run.Current[0] / 40;
            average += run.Average[0] * run.Average[0] / 40;
        }
        Assert.True(average < last / 3, $"average {average}, last {last}");
        Assert.InRange(average * Updates, 0.4, 2.0);
    }

    [Fact]
    public void RootOfAQuantileFunctionIsFound()
    {
        // The 0.9 quantile of a standard normal from binary observations alone, the problem Robbins and Monro had in mind.
        var random = new RandomStream(7);
        var run = new RobbinsMonro(x => random.NextNormal() <= x ? 1 : 0, 0,
            new ApproximationOptions { Steps = StepSizeRule.Power(6, 1, 10) }, target: 0.9);
        run.Run(60_000, 60_000);
        Assert.Equal(1.2815515655446004, run.Current[0], 0.05);
    }

    [Fact]
    public void SecondOrderSpsaLearnsTheHessianAndNeedsFewerUpdatesOnABadCondition()
    {
        static double Valley(ReadOnlySpan<double> v) => (50 * v[0] * v[0]) + (0.5 * v[1] * v[1]) + (4 * v[0] * v[1]);
        var second = new SecondOrderSpsa(Valley, [1, 1], new RandomStream(3),
            new ApproximationOptions { Steps = StepSizeRule.Power(1, 0.602, 1), MaximumMove = 1 },
            new SecondOrderSpsaOptions { HessianBurnIn = 50, Regularization = 1e-4 });
        second.Run(400, 400);
        var first = new Spsa(Valley, [1, 1], new RandomStream(3),
            new ApproximationOptions { Steps = Spsa.Gains(0.05, 800), MaximumMove = 1 });
        first.Run(800, 800);
        var h = second.Hessian;
        Assert.Equal(100, h[0, 0], 12.0);
        Assert.Equal(4, h[0, 1], 8.0);
        Assert.Equal(first.Evaluations, second.Evaluations);
        Assert.True(Valley(second.Current) < Valley(first.Current), $"{Valley(second.Current)} against {Valley(first.Current)}");
    }

    [Fact]
    public void AWholeBatchIsPlainGradientDescent()
    {
        var problem = LeastSquares.Random(50, 3, 4, 0.1, new RandomStream(5));
        var start = new double[3];
        var run = new StochasticGradientDescent(problem, start, 50, new RandomStream(1),
            new ApproximationOptions { Steps = StepSizeRule.Constant(0.5) });
        var byHand = new double[3];
        for (var k = 0; k < 20; k++)
        {
            run.Advance();
            var g = new double[3];
            for (var i = 0; i < 50; i++) problem.AddGradient(i, byHand, 1.0 / 50, g);
            for (var j = 0; j < 3; j++) byHand[j] -= 0.5 * g[j];
        }
        for (var j = 0; j < 3; j++) Assert.Equal(byHand[j], run.Current[j], 1e-13);
        Assert.Equal(20, run.Epochs);
    }

    [Fact]
    public void StochasticStepsWinFarFromTheOptimumAndLoseNearIt()
    {
        var problem = LeastSquares.Random(1000, 5, 10, 0.5, new RandomStream(11));
        double Error(int batch, double rate, double epochs)
        {
            var run = new StochasticGradientDescent(problem, [5, 5, 5, 5, 5], batch, new RandomStream(2),
                new ApproximationOptions { Steps = StepSizeRule.Constant(rate) });
            var updates = (long)(epochs * 1000 / batch);
            return run.Run(updates, updates).Errors([.. problem.Optimum])[^1];
        }
        // One pass over the data: a thousand noisy steps against one exact step.
        Assert.True(Error(1, 0.05, 1) < Error(1000, 0.5, 1) / 10);
        // Two hundred passes: the exact gradient converges, the constant noisy step keeps its ball.
        Assert.True(Error(1000, 0.5, 200) < Error(1, 0.05, 200) / 10);
    }

    [Fact]
    public void SameSeedSamePath()
    {
        var problem = LeastSquares.Random(64, 4, 10, 0.5, new RandomStream(11));
        double[] Path(ulong seed)
        {
            var run = new StochasticGradientDescent(problem, new double[4], 8, new RandomStream(seed),
                new ApproximationOptions { Steps = StepSizeRule.Constant(0.1) });
            run.Run(100, 100);
            return run.Current.ToArray();
        }
        Assert.Equal(Path(4), Path(4));
        Assert.NotEqual(Path(4), Path(5));
    }

    [Fact]
    public void EigenvaluesRebuildTheMatrix()
        => Gen.Double[-5, 5].Array[10].Sample(v =>
        {
            var m = new double[4, 4];
            var at = 0;
            for (var i = 0; i < 4; i++)
            {
                for (var j = 0; j <= i; j++) m[i, j] = m[j, i] = v[at++];
            }
            var e = SymmetricEigen.Of(m);
            for (var i = 0; i < 4; i++)
            {
                for (var j = 0; j < 4; j++)
                {
                    var sum = 0.0;
                    for (var k = 0; k < 4; k++) sum += e.Vectors[i, k] * e.Values[k] * e.Vectors[j, k];
                    Assert.Equal(m[i, j], sum, 1e-10);
                }
            }
        }, iter: 100, threads: 1);

    [Fact]
    public void BadInputIsRefused()
    {
        Assert.Throws<ArgumentException>(() => new RobbinsMonro(x => x, double.NaN));
        Assert.Throws<ArgumentException>(() => new RobbinsMonro((x, y) => x.CopyTo(y), [1, 2], target: [1]));
        var problem = LeastSquares.Random(10, 2, 1, 0, new RandomStream(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StochasticGradientDescent(problem, [0, 0], 11, new RandomStream(1)));
        Assert.Throws<ArgumentException>(() => new StochasticGradientDescent(problem, [0], 1, new RandomStream(1)));
        Assert.Throws<InvalidOptionsException>(
            () => new RobbinsMonro(x => x, 0, new ApproximationOptions { LowerBound = 1, UpperBound = 0 }));
        Assert.Throws<InvalidOperationException>(() => new RobbinsMonro(x => x, 0).Average.Length);
        Assert.Throws<ArgumentException>(() => new LeastSquares(new double[,] { { 1, 1 }, { 2, 2 } }, [1, 2]));
        var diverging = new RobbinsMonro(x => x * x * x, 50, new ApproximationOptions { Steps = StepSizeRule.Constant(1) });
        Assert.Contains("smaller steps", Assert.Throws<ArithmeticException>(() => diverging.Run(100)).Message, StringComparison.Ordinal);
        var bounded = new RobbinsMonro(x => x * x * x, 10,
            new ApproximationOptions { Steps = StepSizeRule.Power(1), MaximumMove = 1, LowerBound = -10, UpperBound = 10 });
        bounded.Run(1000);
        Assert.InRange(Math.Abs(bounded.Current[0]), 0, 1);
    }
}
