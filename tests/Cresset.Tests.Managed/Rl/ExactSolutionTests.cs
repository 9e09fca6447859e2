using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Linear systems of any scale, distributions of tasks that end, planners that stop.</summary>
public sealed class ExactSolutionTests
{
    [Fact]
    public void TheDistributionOfATaskThatEndsIsThatOfItsEpisodes()
    {
        var model = RandomWalk.Thousand().Model;
        var share = PolicyEvaluation.StationaryDistribution(model, TabularPolicy.Uniform(model));
        Assert.Equal(1, share.Sum(), 1e-9);
        // Sutton and Barto, figure 9.2: the start is visited most, about 0.0137 of the time.
        Assert.Equal(0.0137, share.Max(), 1e-4);
        Assert.True(share[1] < 1e-3);
    }

    [Fact]
    public void AModelWithEndsButWithoutAStartIsRefused()
    {
        var model = new TransitionTableBuilder(2, 1).Add(0, 0, 1, 1, 0).Add(1, 0, 1, 0, 1, terminated: true).Build();
        Assert.Contains("no start states",
            Assert.Throws<InvalidOperationException>(
                () => PolicyEvaluation.StationaryDistribution(model, TabularPolicy.Uniform(model))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(20)]
    public void PolynomialsOfHighOrderAreFitted(int order)
    {
        var model = RandomWalk.Thousand().Model;
        var uniform = TabularPolicy.Uniform(model);
        var truth = PolicyEvaluation.Exact(model, uniform, 1);
        var share = PolicyEvaluation.StationaryDistribution(model, uniform);
        double[][] features = [.. Enumerable.Range(0, truth.Length)
            .Select(s => Enumerable.Range(0, order + 1).Select(k => Math.Pow(s / 999.0, k)).ToArray())];
        var fit = LinearFixedPoint.Values(features, LinearFixedPoint.LeastSquares(features, truth, share));
        var error = Math.Sqrt(truth.Select((v, s) => share[s] * (v - fit[s]) * (v - fit[s])).Sum());
        Assert.True(error < (order == 5 ? 0.02 : 0.01), $"order {order}: {error}");
        // The same fit for features in any units.
        double[][] scaled = [.. features.Select(x => x.Select((v, k) => v * Math.Pow(10, (k % 5) - 9)).ToArray())];
        var again = LinearFixedPoint.Values(scaled, LinearFixedPoint.LeastSquares(scaled, truth, share));
        for (var s = 0; s < fit.Length; s++) Assert.Equal(fit[s], again[s], order == 20 ? 1e-4 : 1e-6);
        var fixedPoint = LinearFixedPoint.Values(features, LinearFixedPoint.Td(model, uniform, features, share, 1));
        Assert.True(truth.Zip(fixedPoint, (a, b) => Math.Abs(a - b)).Max() < 0.2);
    }

    [Fact]
    public void SystemsAreJudgedByTheirRankAndNotByTheirScale()
    {
        double[][] Matrix(double a, double b) => [[2 * a, a], [b, 3 * b]];
        foreach (var scale in (double[])[1, 1e-200, 1e200])
        {
            var x = LinearSystem.Solve(Matrix(scale, 1 / scale), [scale, 5 / scale]);
            Assert.NotNull(x);
            Assert.Equal(-0.4, x[0], 1e-12);
            Assert.Equal(1.8, x[1], 1e-12);
        }
        Assert.Null(LinearSystem.Solve([[1e-3, 2e-3], [1, 2]], [0, 0]));
        Assert.Null(LinearSystem.Solve([[1, 0], [0, 0]], [0, 0]));
        Assert.Null(LinearSystem.Solve([[1, double.NaN], [0, 1]], [0, 0]));
    }

    [Fact]
    public void SmallFeaturesAreNotSwampedByTheRidge()
    {
        double Learned(double scale)
        {
            var learner = new LeastSquaresTd(1, 0.5);
            for (var i = 0; i < 10; i++) learner.Observe([scale], 1, [scale]);
            return learner.Solve()[0] * scale;
        }

        Assert.Equal(2, Learned(1), 1e-9);
        Assert.Equal(2, Learned(1e-6), 1e-9);
        Assert.Equal([0.0], new LeastSquaresTd(1, 0.5).Solve());
    }

    [Fact]
    public void PlannersStop()
    {
        var model = new AccessControl().Model;
        using var stop = new CancellationTokenSource();
        PlanningOptions options = new() { Gamma = 1, OnIteration = (i, _) => { if (i == 3) stop.Cancel(); } };
        Assert.Throws<OperationCanceledException>(() => ValueIteration.Solve(model, options, null, stop.Token));
        using var done = new CancellationTokenSource();
        done.Cancel();
        Assert.Throws<OperationCanceledException>(() => ValueIteration.SolveAsynchronously(model, options, null, done.Token));
        Assert.Throws<OperationCanceledException>(() => ValueIteration.SolveAverageReward(model, cancellation: done.Token));
        Assert.Throws<OperationCanceledException>(() => PolicyIteration.Solve(model, options, cancellation: done.Token));
        Assert.Throws<OperationCanceledException>(() => PolicyIteration.SolveTruncated(model, 3, options, null, done.Token));
        Assert.Throws<OperationCanceledException>(() => PrioritizedPlanning.Solve(model, options, 10, done.Token));
        Assert.Throws<OperationCanceledException>(() => MonteCarloPlanning.Basic(new AccessControl(), 10, 0.9, cancellation: done.Token));
    }

    [Fact]
    public void NStepSarsaBootstrapsWhereATimeLimitCuts()
    {
        // One state, -1 per step, cut every five steps: its value is -1 / (1 - 0.9) = -10.
        foreach (var steps in (int[])[1, 3, 8])
        {
            var learner = new SparseControl(1, 1, 1, (_, _, indices) => indices[0] = 0,
                new() { Gamma = 0.9, Steps = steps, StepSize = StepSizeRule.Constant(0.1) });
            var random = new RandomStream(1);
            for (var episode = 0; episode < 2000; episode++) learner.RunEpisode(new TimeLimit<float, int>(new Rut(), 5), random);
            Assert.Equal(-10, learner.Weights[0], 0.01);
        }
    }

    [Fact]
    public void DivergenceNamesTheStep()
    {
        var learner = new SoftmaxPolicyGradient(1, 1, 1, 0.1, 0.1, actorCritic: true);
        for (var i = 0; i < 4; i++) learner.Observe(new Transition(0, 0, 0, 0, false));
        var error = Assert.Throws<DivergenceException>(() => learner.Observe(new Transition(0, 0, double.NaN, 0, false)));
        Assert.Equal(5, error.Step);
    }

    private sealed class Rut() : Environment<float, int>(new Box(0, 1, 1), new Discrete(1))
    {
        protected override void Begin()
        {
        }

        protected override StepOutcome Advance(ReadOnlySpan<int> action) => new(-1, false);

        protected override void Observe(Span<float> observation) => observation[0] = 0;
    }
}
