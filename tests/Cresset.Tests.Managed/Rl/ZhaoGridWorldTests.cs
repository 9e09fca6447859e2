using System.Globalization;
using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>The 5 by 5 world of Zhao's book against exact solutions.</summary>
public sealed class ZhaoGridWorldTests
{
    private static readonly JsonElement Golden = RlReference.Load("zhao_gridworld.json");
    private static readonly TransitionTable Harsh = new ZhaoGridWorld(ZhaoGridWorldOptions.HarshForbidden).Model;

    public static TheoryData<string> Settings => [.. Golden.GetProperty("optimal").EnumerateObject().Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Settings))]
    public void OptimalValuesPoliciesAndSweeps(string setting)
    {
        var golden = Golden.GetProperty("optimal").GetProperty(setting);
        var gamma = golden.GetProperty("gamma").GetDouble();
        var model = new ZhaoGridWorld(new()
        {
            BoundaryReward = golden.GetProperty("r_boundary").GetDouble(),
            ForbiddenReward = golden.GetProperty("r_forbidden").GetDouble(),
            TargetReward = golden.GetProperty("r_target").GetDouble(),
            StepReward = golden.GetProperty("r_other").GetDouble(),
        }).Model;
        var expected = golden.GetProperty("v_star").Doubles();
        var options = new PlanningOptions { Gamma = gamma };
        var iterated = ValueIteration.Solve(model, options);
        AssertClose(expected, iterated.Values, 1e-9);
        Assert.Equal(golden.GetProperty("vi_sweeps_from_zero_to_1e12").GetInt32(), iterated.Iterations);
        Assert.All(iterated.Trace.Skip(1).Where(t => t.Change > 1e-6), t => Assert.True(t.Contraction <= gamma + 1e-6));
        AssertClose(expected, PolicyIteration.Solve(model, options).Values, 1e-9);
        AssertClose(expected, PolicyIteration.SolveTruncated(model, 7, options).Values, 1e-9);
        AssertClose(expected, ValueIteration.SolveAsynchronously(model, options).Values, 1e-9);
        AssertClose(expected, PrioritizedPlanning.Solve(model, options).Values, 1e-9);
        var q = golden.GetProperty("q_star").EnumerateArray().SelectMany(r => r.Doubles()).ToArray();
        AssertClose(q, Bellman.ActionValues(model, iterated.Values, gamma), 1e-9);
        var sets = golden.GetProperty("optimal_actions").EnumerateArray().Select(x => x.ToString());
        Assert.Equal(sets, Bellman.OptimalActions(model, expected, gamma).Select(s => string.Concat(s)));
        Assert.True(Bellman.OptimalityResidual(model, iterated.Values, gamma) < 1e-11);
    }

    [Fact]
    public void PolicyIterationFromStayingTakesTheRecordedSteps()
    {
        var trace = Golden.GetProperty("policy_iteration_from_stay_b-1_f-10_g0.9").GetProperty("trace").EnumerateArray().ToArray();
        var seen = new List<(int[] Actions, double[] Values)>();
        var stay = Enumerable.Repeat(4, 25).ToArray();
        PolicyIteration.Solve(Harsh, new() { Ties = TieRule.KeepOld }, stay, (a, v) => seen.Add((a, v)));
        Assert.Equal(trace.Length, seen.Count);
        for (var i = 0; i < trace.Length; i++)
        {
            Assert.Equal(trace[i].GetProperty("policy").Ints(), seen[i].Actions);
            AssertClose(trace[i].GetProperty("v").Doubles(), seen[i].Values, 1e-9);
        }
        seen.Clear();
        PolicyIteration.Solve(Harsh, new(), stay, (a, v) => seen.Add((a, v)));
        Assert.Equal(9, seen.Count);
    }

    [Fact]
    public void FirstSweepsOfValueIterationAndErrorsOfTruncatedPolicyIteration()
    {
        var sweeps = new List<double[]>();
        ValueIteration.Solve(Harsh, new() { MaxIterations = 12, OnIteration = (_, v) => sweeps.Add([.. v]) });
        foreach (var (expected, actual) in Golden.GetProperty("value_iteration_first_12_sweeps_b-1_f-10_g0.9").EnumerateArray().Zip(sweeps))
            AssertClose(expected.Doubles(), actual, 1e-12);
        var best = Golden.GetProperty("optimal").GetProperty("b-1_f-10_g0.9").GetProperty("v_star").Doubles();
        foreach (var row in Golden.GetProperty("truncated_policy_iteration_sup_error_per_iteration_from_zero").EnumerateObject())
        {
            var errors = new List<double>();
            PolicyIteration.SolveTruncated(Harsh, int.Parse(row.Name),
                new()
                {
                    MaxIterations = 40,
                    Tolerance = 0,
                    OnIteration = (_, v) => errors.Add(v.Zip(best, (a, b) => Math.Abs(a - b)).Max())
                });
            AssertClose(row.Value.Doubles()[..errors.Count], [.. errors], 1e-9);
        }
    }

    [Fact]
    public void EpsilonGreedyPoliciesConsistentAndOptimal()
    {
        var consistent = Golden.GetProperty("consistent_eps_greedy_b-1_f-10_g0.9");
        var greedy = consistent.GetProperty("greedy_action").Ints();
        foreach (var row in consistent.GetProperty("v").EnumerateObject())
        {
            AssertClose(row.Value.Doubles(),
                PolicyEvaluation.Exact(Harsh, TabularPolicy.EpsilonGreedy(Harsh, greedy, Number(row.Name)), 0.9), 1e-9);
        }
        foreach (var row in Golden.GetProperty("optimal_eps_greedy_b-1_f-10_g0.9 (book figure 5.7)").EnumerateObject())
        {
            var result = PolicyIteration.SolveEpsilonGreedy(Harsh, Number(row.Name), new());
            AssertClose(row.Value.GetProperty("v").Doubles(), result.Values, 1e-9);
        }
        var additive = new ZhaoGridWorld(ZhaoGridWorldOptions.HarshForbidden with { AdditiveBounce = true }).Model;
        foreach (var row in Golden.GetProperty("additive_bounce_variant_b-1_f-10_g0.9 (reproduces book figures 5.6, 5.7)")
            .GetProperty("cases").EnumerateObject())
        {
            AssertClose(row.Value.GetProperty("v_consistent").Doubles(),
                PolicyEvaluation.Exact(additive, TabularPolicy.EpsilonGreedy(additive, greedy, Number(row.Name)), 0.9), 1e-9);
            AssertClose(row.Value.GetProperty("v_optimal_in_eps_greedy_class").Doubles(),
                PolicyIteration.SolveEpsilonGreedy(additive, Number(row.Name), new()).Values, 1e-9);
        }
    }

    [Fact]
    public void UniformPolicyAndItsStationaryDistribution()
    {
        var model = new ZhaoGridWorld().Model;
        var golden = Golden.GetProperty("uniform_policy_b-1_f-1_g0.9 (book figure 8.6)");
        var uniform = TabularPolicy.Uniform(model);
        AssertClose(golden.GetProperty("v").Doubles(), PolicyEvaluation.Exact(model, uniform, 0.9), 1e-9);
        AssertClose(golden.GetProperty("v").Doubles(), PolicyEvaluation.Iterative(model, uniform).Values, 1e-9);
        AssertClose(golden.GetProperty("v").Doubles(), PolicyEvaluation.Iterative(model, uniform, inPlace: true).Values, 1e-9);
        AssertClose(golden.GetProperty("stationary").Doubles(), PolicyEvaluation.StationaryDistribution(model, uniform), 1e-12);
    }

    [Fact]
    public void AffineRewardsLeaveThePolicyAndScaleTheValues()
    {
        var model = new ZhaoGridWorld(new() { BoundaryReward = 1, ForbiddenReward = -17, TargetReward = 5, StepReward = 3 }).Model;
        var expected = Golden.GetProperty("affine_check").GetProperty("v_star").Doubles();
        AssertClose(expected, ValueIteration.Solve(model).Values, 1e-9);
    }

    internal static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"[{i}] {expected[i]:R} against {actual[i]:R}");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
