using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class LinearValueTests
{
    private static readonly JsonElement Tiles = RlReference.Load("tile_coding.json");
    private static readonly JsonElement Features = RlReference.Load("features.json");

    [Fact]
    public void TilesEqualThePublishedRule()
    {
        var car = Tiles.GetProperty("mountain_car");
        var coder = new TileCoder(4096, 8);
        foreach (var call in car.GetProperty("calls").EnumerateArray())
        {
            Assert.Equal(call.GetProperty("tiles").Ints(),
                coder.Of(call.GetProperty("floats").Doubles(), call.GetProperty("a").GetInt32()));
        }
        Assert.Equal(car.GetProperty("count_after").GetInt32(), coder.Used);
        Sequence("one_dim", 4);
        Sequence("two_dim_tutorial", 8);
        Sequence("three_dim_with_ints", 16);
        Sequence("wrap", 16);
    }

    [Fact]
    public void ReadOnlyQueriesCoordinatesAndTheOverfullHash()
    {
        var golden = Tiles.GetProperty("read_only");
        var coder = new TileCoder(16, 4);
        foreach (var call in golden.GetProperty("first").EnumerateArray())
            Assert.Equal(call.GetProperty("tiles").Ints(), coder.Of([call.GetProperty("f").GetDouble()]));
        var indices = new int[4];
        coder.Write([50.0], [], indices, readOnly: true);
        Assert.Equal([-1, -1, -1, -1], indices);
        Assert.Equal(0, coder.Overfull);
        Assert.All(coder.Of([50.0]), i => Assert.InRange(i, 0, 15));
        Assert.Equal(4, coder.Overfull);
        foreach (var call in Tiles.GetProperty("coordinates_only").EnumerateArray())
        {
            Assert.Equal(call.GetProperty("coords").EnumerateArray().Select(r => r.Ints()),
                new TileCoder(100, 4).Coordinates(call.GetProperty("f").Doubles(), call.GetProperty("ints").Ints()));
        }
        foreach (var call in Tiles.GetProperty("python_tuple_hash_mod_2048 (only needed to copy the overfull / plain-integer memory path)")
            .EnumerateArray())
        {
            Assert.Equal(call.GetProperty("h").GetInt32(), TileCoder.HashIndex(call.GetProperty("coords").Ints(), 2048));
        }
    }

    [Fact]
    public void FeatureVectorsEqualTheirFormulas()
    {
        foreach (var order in Features.GetProperty("fourier_cos").EnumerateObject())
            Check(order.Value, new FourierFeatures(2, int.Parse(order.Name)));
        Check(Features.GetProperty("fourier_cos_4d_order1"), new FourierFeatures(4, 1));
        ZhaoGridWorldTests.AssertClose(Features.GetProperty("fourier_step_size_scale").GetProperty("n3").Doubles(),
            new FourierFeatures(2, 3).StepSizeScales(), 1e-12);
        foreach (var order in Features.GetProperty("polynomial").EnumerateObject())
            Check(order.Value, new PolynomialFeatures(2, int.Parse(order.Name)));
        var cases = Features.GetProperty("rbf").GetProperty("cases");
        Check(cases, RadialBasisFeatures.UnitGrid(2, 5, 0.25));
        Check(cases, RadialBasisFeatures.UnitGrid(2, 5, 0.25, normalized: true), "normalized");
        foreach (var x in Features.GetProperty("state_aggregation_1000_to_10").EnumerateArray())
        {
            Assert.Equal(x.GetProperty("group").GetInt32(),
                new AggregationFeatures(1000, 10).GroupOf(x.GetProperty("state").GetInt32() - 1));
        }
    }

    [Fact]
    public void FixedPointsOnZhaosGrid()
    {
        var golden = RlReference.Load("zhao_gridworld.json");
        var model = new ZhaoGridWorld().Model;
        var uniform = TabularPolicy.Uniform(model);
        var stationary = PolicyEvaluation.StationaryDistribution(model, uniform);
        var truth = PolicyEvaluation.Exact(model, uniform, 0.9);
        foreach (var row in golden.GetProperty("td_linear_fixed_points (book figures 8.7, 8.8)").GetProperty("cases").EnumerateObject())
        {
            var features = ZhaoFeatures.Of(row.Name);
            var weights = LinearFixedPoint.Td(model, uniform, features, stationary, 0.9);
            var values = LinearFixedPoint.Values(features, weights);
            ZhaoGridWorldTests.AssertClose(row.Value.GetProperty("td_fixed_point_w").Doubles(), weights, 1e-9);
            ZhaoGridWorldTests.AssertClose(row.Value.GetProperty("v_hat").Doubles(), values, 1e-9);
            Assert.Equal(row.Value.GetProperty("rmse_to_true").GetDouble(), Rmse(values, truth), 1e-9);
            var best = LinearFixedPoint.Values(features,
                LinearFixedPoint.LeastSquares(features, truth, Enumerable.Repeat(0.04, 25).ToArray()));
            Assert.Equal(row.Value.GetProperty("rmse_least_squares").GetDouble(), Rmse(best, truth), 1e-9);
        }
    }

    [Fact]
    public void LeastSquaresTdFindsTheFixedPointOfTheThousandStateWalk()
    {
        var model = RandomWalk.Thousand().Model;
        var policy = TabularPolicy.Uniform(model);
        var truth = PolicyEvaluation.Exact(model, policy, 1);
        Assert.Equal(0, truth[499] + truth[500], 1e-9);
        var map = new AggregationFeatures(1000, 10);
        double[][] features = [.. Enumerable.Range(0, 1000).Select(s => map.Of(s))];
        var learner = new LeastSquaresTd(10, 1, 0, 1e-9);
        var walk = RandomWalk.Thousand();
        var visits = new double[1000];
        for (var episode = 0; episode < 4000; episode++)
        {
            var state = walk.ResetState(episode == 0 ? 1 : null);
            learner.BeginEpisode();
            StepOutcome outcome;
            do
            {
                var before = state;
                outcome = walk.Step(0, out state);
                visits[before]++;
                learner.Observe(features[before], outcome.Reward, outcome.Terminated ? [] : features[state]);
            }
            while (!outcome.Terminated);
        }
        var total = visits.Sum();
        var limit = LinearFixedPoint.Td(model, policy, features, visits.Select(v => v / total).ToArray(), 1);
        var weights = learner.Solve();
        for (var i = 0; i < 10; i++) Assert.Equal(limit[i], weights[i], 0.05);
    }

    [Fact]
    public void BairdDivergesWithSemiGradientsAndNotWithTheOthers()
    {
        double[] Learn(LinearValueLearner learner, int steps)
        {
            BairdCounterexample.Run(learner, steps, new RandomStream(4));
            return learner.Weights;
        }
        double Size(double[] w) => w.Max(Math.Abs);
        double ValueError(double[] w) => Math.Sqrt(BairdCounterexample.Features.Average(x => Math.Pow(LinearValueLearner.Dot(w, x), 2)));
        Assert.True(Size(Learn(new LinearTd(8, 0.99, StepSizeRule.Constant(0.01)), 1000)) > 100);
        var swept = BairdCounterexample.InitialWeights();
        for (var i = 0; i < 1000; i++) BairdCounterexample.DynamicProgrammingSweep(swept, 0.01);
        Assert.True(Size(swept) > 50);
        // Figure 11.5: the projected Bellman error goes to 0 while the values stay about 2.
        var (w, v) = (BairdCounterexample.InitialWeights(), new double[8]);
        for (var i = 0; i < 2000; i++) BairdCounterexample.ExpectedTdcSweep(w, v, 0.005, 0.05);
        Assert.InRange(ValueError(w), 1.5, 3);
        Assert.True(
            Size(Learn(new GradientTd(8, 0.99, GradientTdKind.Tdc, StepSizeRule.Constant(0.005), StepSizeRule.Constant(0.05)), 1000)) < 15);
        Assert.True(
            Size(Learn(new GradientTd(8, 0.99, GradientTdKind.Gtd2, StepSizeRule.Constant(0.005), StepSizeRule.Constant(0.05)), 1000))
                < 15);
        // Figure 11.6: the expected emphatic update takes the values to 0.
        var (e, emphasis) = (BairdCounterexample.InitialWeights(), 0.0);
        for (var i = 0; i < 5000; i++) emphasis = BairdCounterexample.ExpectedEmphaticSweep(e, emphasis, 0.03);
        Assert.True(ValueError(e) < 0.1, $"value error {ValueError(e)}");
    }

    [Fact]
    public void LeastSquaresPolicyIterationSolvesTheChain()
    {
        // Twenty states in a row with a reward at both ends (Lagoudakis and Parr): moves succeed with 0.9.
        const int N = 20;
        var builder = new TransitionTableBuilder(N, 2).StartUniformly([.. Enumerable.Range(0, N)]);
        for (var s = 0; s < N; s++)
        {
            for (var a = 0; a < 2; a++)
            {
                var (there, back) = (Math.Clamp(s + (a == 0 ? -1 : 1), 0, N - 1), Math.Clamp(s + (a == 0 ? 1 : -1), 0, N - 1));
                builder.Add(s, a, 0.9, there, there is 0 or N - 1 ? 1 : 0).Add(s, a, 0.1, back, back is 0 or N - 1 ? 1 : 0);
            }
        }
        var model = builder.Build();
        var world = new TableEnvironment(model);
        var map = new RadialBasisFeatures([.. Enumerable.Range(0, 10).Select(i => new[] { i * 2.1 })], 2);
        double[] Pair(int s, int a)
        {
            var x = new double[2 * (map.Count + 1)];
            map.Of(s).CopyTo(x, a * (map.Count + 1));
            x[(a * (map.Count + 1)) + map.Count] = 1;
            return x;
        }
        var random = new RandomStream(2);
        var log = new List<FeatureTransition>();
        var state = world.ResetState(5);
        for (var i = 0; i < 5000; i++)
        {
            if (i % 20 == 0) state = world.ResetState();
            var (before, action) = (state, random.NextInt32(2));
            var outcome = world.Step(action, out state);
            log.Add(new FeatureTransition(Pair(before, action), outcome.Reward, [Pair(state, 0), Pair(state, 1)]));
        }
        var (weights, rounds) = LeastSquaresPolicyIteration.Solve(log, 0.9);
        Assert.InRange(rounds, 2, 20);
        var best = ValueIteration.Solve(model).Actions;
        var agree = Enumerable.Range(0, N)
            .Count(s => best[s] == (LinearValueLearner.Dot(weights, Pair(s, 1)) > LinearValueLearner.Dot(weights, Pair(s, 0)) ? 1 : 0));
        Assert.True(agree >= N - 2, $"{agree} of {N} actions");
    }

    [Fact]
    public void FourierSarsaDrivesTheCarUp()
    {
        var map = new FourierFeatures(2, 3);
        var learner = new LinearControl(3, map, LinearTarget.Sarsa,
            new() { StepSize = StepSizeRule.Constant(0.005), Exploration = Exploration.None }, map.StepSizeScales());
        var car = new SuttonMountainCar();
        var random = new RandomStream(1);
        void Scale(ReadOnlyMemory<float> o, Memory<double> s) =>
            (s.Span[0], s.Span[1]) = ((o.Span[0] + 1.2) / 1.7, (o.Span[1] + 0.07) / 0.14);
        var lengths = new List<int>();
        for (var episode = 0; episode < 150; episode++)
            lengths.Add(learner.RunEpisode(car, Scale, random, 5000, episode == 0 ? 7UL : null).Length);
        Assert.True(lengths.TakeLast(30).Average() < 200, $"mean of the last 30: {lengths.TakeLast(30).Average()}");
    }

    internal static double Rmse(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average());

    private static void Sequence(string name, int tilings)
    {
        var coder = new TileCoder(4096, tilings);
        foreach (var call in Tiles.GetProperty(name).EnumerateArray())
        {
            var f = call.GetProperty("f");
            double[] values = f.ValueKind == JsonValueKind.Array ? f.Doubles() : [f.GetDouble()];
            int[] integers = call.TryGetProperty("ints", out var ints) ? ints.Ints() : [];
            int[] wraps = call.TryGetProperty("wrap", out var wrap)
                ? [.. wrap.EnumerateArray().Select(x => x.ValueKind == JsonValueKind.Number ? x.GetInt32() : 0)] : [];
            var indices = new int[tilings];
            coder.Write(values, integers, indices, wraps);
            Assert.Equal(call.GetProperty("tiles").Ints(), indices);
        }
    }

    private static void Check(JsonElement cases, FeatureMap map, string property = "x")
    {
        foreach (var row in cases.EnumerateArray())
            ZhaoGridWorldTests.AssertClose(row.GetProperty(property).Doubles(), map.Of(row.GetProperty("s").Doubles()), 1e-12);
    }
}
