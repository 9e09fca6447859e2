using Cresset.Numerics;
using Cresset.Rl;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class PlanningTests
{
    /// <summary>Numbers worked out independently; see the research table of the repository's issue on reinforcement learning.</summary>
    [Fact]
    public void KnownOptimaOfTheToyEnvironments()
    {
        double Start(TransitionTable model, double[] values) => Enumerable.Range(0, model.StateCount).Sum(s => model.Start[s] * values[s]);
        double Horizon(TransitionTable model, int steps) => Start(model, ValueIteration.FiniteHorizon(model, steps)[steps]);
        var small = new FrozenLake().Model;
        var large = new FrozenLake(FrozenLakeOptions.Large).Model;
        Assert.Equal(0.744190, Horizon(small, 100), 1e-6);
        Assert.Equal(0.913220, Horizon(large, 200), 1e-6);
        Assert.Equal(0.542026, Start(small, ValueIteration.Solve(small, new() { Gamma = 0.99 }).Values), 1e-6);
        Assert.Equal(0.414640, Start(large, PolicyIteration.Solve(large, new() { Gamma = 0.99 }).Values), 1e-6);
        Assert.Equal(7.930, Horizon(new Taxi().Model, 200), 5e-4);
        Assert.Equal(3.955, Horizon(new Taxi(new() { IsRainy = true }).Model, 200), 5e-4);
        Assert.Equal(-0.046556,
            Start(BlackjackModel.Build(BlackjackRule.Plain),
                ValueIteration.Solve(BlackjackModel.Build(BlackjackRule.Plain), new() { Gamma = 1 }).Values), 1e-6);
        Assert.Equal(-0.043113, Start(BlackjackModel.Build(), ValueIteration.Solve(BlackjackModel.Build(), new() { Gamma = 1 }).Values),
            1e-6);
        var natural = BlackjackModel.Build(BlackjackRule.NaturalPaysMore);
        Assert.Equal(-0.025729, Start(natural, ValueIteration.Solve(natural, new() { Gamma = 1 }).Values), 1e-6);
        Assert.Equal(2.7476, ValueIteration.SolveAverageReward(new AccessControl().Model).AverageReward, 5e-5);
        Assert.Equal(-15, ValueIteration.Solve(Maze.Windy().Model, new() { Gamma = 1 }).Values[30], 1e-9);
        Assert.Equal(-7, ValueIteration.Solve(Maze.Windy(8).Model, new() { Gamma = 1 }).Values[30], 1e-9);
        Assert.Equal(-13, ValueIteration.Solve(new CliffWalking().Model, new() { Gamma = 1 }).Values[36], 1e-9);
        Assert.Equal(Math.Pow(0.95, 13), ValueIteration.Solve(Maze.Dyna().Model, new() { Gamma = 0.95 }).Values[18], 1e-12);
    }

    [Fact]
    public void BlackjackFixedPolicyAndBookStrategy()
    {
        var model = BlackjackModel.Build(BlackjackRule.Plain);
        var actions = new int[model.StateCount];
        for (var dealer = 1; dealer <= 10; dealer++)
        {
            for (var sum = 4; sum < 20; sum++) actions[BlackjackModel.State(sum, dealer, false)] = 1;
            for (var sum = 12; sum < 20; sum++) actions[BlackjackModel.State(sum, dealer, true)] = 1;
        }
        var values = PolicyEvaluation.Exact(model, TabularPolicy.Deterministic(actions, 2), 1);
        Assert.Equal(-0.27720, values[BlackjackModel.State(13, 2, true)], 5e-6);
        var best = ValueIteration.Solve(BlackjackModel.Build(), new() { Gamma = 1 });
        // Figure 5.2: without an ace stick from 17 (13 against 2 and 3, 12 against 4 to 6); with one stick from 18, 19 against 9, 10 and
        // ace (a near tie with sticking on 18).
        for (var dealer = 1; dealer <= 10; dealer++)
        {
            var hard = dealer switch { 2 or 3 => 13, >= 4 and <= 6 => 12, _ => 17 };
            var soft = dealer is 9 or 10 or 1 ? 19 : 18;
            for (var sum = 11; sum <= 21; sum++) Assert.Equal(sum >= hard ? 0 : 1, best.Actions[BlackjackModel.State(sum, dealer, false)]);
            for (var sum = 12; sum <= 21; sum++) Assert.Equal(sum >= soft ? 0 : 1, best.Actions[BlackjackModel.State(sum, dealer, true)]);
        }
    }

    [Fact]
    public void SmallBookExamples()
    {
        var jump = new JumpGrid().Model;
        var uniform = PolicyEvaluation.Exact(jump, TabularPolicy.Uniform(jump), 0.9);
        Assert.Equal(new double[] { 3.3, 8.8, 4.4, 5.3, 1.5 }, uniform[..5].Select(v => Math.Round(v, 1)));
        Assert.Equal(new double[] { 22.0, 24.4, 22.0, 19.4, 17.5 }, ValueIteration.Solve(jump).Values[..5].Select(v => Math.Round(v, 1)));
        var corner = new CornerGrid().Model;
        Assert.Equal(new double[] { 0, -14, -20, -22 },
            PolicyEvaluation.Exact(corner, TabularPolicy.Uniform(corner), 1)[..4].Select(v => Math.Round(v, 9)));
        var corridor = new ShortCorridor().Model;
        Assert.Equal(-11.657,
            Enumerable.Range(1, 999)
                .Max(i =>
                    PolicyEvaluation.Exact(corridor,
                        TabularPolicy.FromProbabilities(3, 2,
                            [1 - (i / 1000.0), i / 1000.0, 1 - (i / 1000.0), i / 1000.0, 1 - (i / 1000.0), i / 1000.0]), 1)[0]), 1e-3);
        var gambler = ValueIteration.Solve(new GamblersProblem().Model, new() { Gamma = 1 });
        Assert.Equal(0.4, gambler.Values[50], 1e-9);
        Assert.Equal(0.16, gambler.Values[25], 1e-9);
        var walk = new RandomWalk().Model;
        var values = PolicyEvaluation.Exact(walk, TabularPolicy.Uniform(walk), 1);
        for (var s = 0; s < 19; s++) Assert.Equal(-0.9 + (0.1 * s), values[s], 1e-12);
    }

    [Fact]
    public void JacksCarRentalMovesTheBooksCars()
    {
        var model = CarRental.BuildModel();
        var result = PolicyIteration.Solve(model, new() { Gamma = 0.9, TieTolerance = 1e-9 });
        Assert.True(Bellman.OptimalityResidual(model, result.Values, 0.9) < 1e-9);
        int Moves(int first, int second) => result.Actions[(first * 21) + second] - 5;
        Assert.Equal(5, Moves(20, 0));
        Assert.Equal(0, Moves(0, 0));
        Assert.True(Moves(0, 20) <= -3);
        Assert.InRange(result.Values.Max(), 600, 650);
        Assert.InRange(result.Values.Min(), 400, 450);
    }

    [Fact]
    public void PlannersAgreeOnRandomProcesses()
    {
        Gen.Select(Gen.Int[2, 8], Gen.Int[1, 4], Gen.ULong, Gen.Double[0.0, 0.95]).Sample(
            (states, actions, seed, gamma) =>
            {
                var random = new RandomStream(seed);
                var builder = new TransitionTableBuilder(states, actions);
                for (var s = 0; s < states; s++)
                {
                    for (var a = 0; a < actions; a++)
                    {
                        var p = random.NextDouble();
                        builder.Add(s, a, p, random.NextInt32(states), random.NextNormal(), random.NextDouble() < 0.2);
                        builder.Add(s, a, 1 - p, random.NextInt32(states), random.NextNormal(), random.NextDouble() < 0.2);
                    }
                }
                var model = builder.Build();
                var options = new PlanningOptions { Gamma = gamma };
                var values = ValueIteration.Solve(model, options).Values;
                foreach (var other in new[] { PolicyIteration.Solve(model, options), PolicyIteration.SolveTruncated(model, 3, options),
                    ValueIteration.SolveAsynchronously(model, options), PrioritizedPlanning.Solve(model, options) })
                {
                    for (var s = 0; s < states; s++) Assert.Equal(values[s], other.Values[s], 1e-9);
                }
                // No policy beats the optimum, and the operator contracts.
                var uniform = PolicyEvaluation.Exact(model, TabularPolicy.Uniform(model), gamma);
                for (var s = 0; s < states; s++) Assert.True(uniform[s] <= values[s] + 1e-9);
            },
            iter: 200,
            threads: 1);
    }

    [Fact]
    public void BadInputIsNamed()
    {
        var model = new FrozenLake().Model;
        Assert.Contains("Gamma is 1.5",
            Assert.Throws<InvalidOptionsException>(() => ValueIteration.Solve(model, new() { Gamma = 1.5 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("[0, 1]",
            Assert.Throws<ArgumentOutOfRangeException>(() => Bellman.ActionValues(model, new double[16], -0.1)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Bellman.ActionValues(model, new double[3], 0.9));
        Assert.Contains("epsilon",
            Assert.Throws<ArgumentOutOfRangeException>(() => TabularPolicy.EpsilonGreedy(model, new int[16], 2)).Message,
            StringComparison.Ordinal);
        var cliff = new CliffWalking().Model;
        var up = TabularPolicy.Deterministic(new int[48], 4);
        Assert.Contains("goes on for ever", Assert.Throws<InvalidOperationException>(() => PolicyEvaluation.Exact(cliff, up, 1)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => TabularPolicy.FromProbabilities(1, 2, [0.5, 0.4]));
    }
}
