using Cresset.Numerics;
using Cresset.Rl;
using SolveRequest = Cresset.Cli.Commands.RlSolveCommand.SolveRequest;

namespace Cresset.Cli.Commands;

/// <summary>What a planner or learner brought.</summary>
/// <param name="Policy">The policy and its values.</param>
/// <param name="Summary">Figures for the run.</param>
/// <param name="Model">The known model, where there is one.</param>
/// <param name="Planning">The planner's result, or null.</param>
/// <param name="Learning">Episode records, one list a seed, or null.</param>
internal sealed record Solution(
    SolvedPolicy Policy, Dictionary<string, double> Summary, TableEnvironment? Model, PlanningResult? Planning = null, IReadOnlyList<List<EpisodeRecord>>? Learning = null);

/// <summary>Runs the algorithm that was asked for.</summary>
internal static class RlSolver
{
    private const int LongestEpisode = 10_000;

    public static Solution Run(SolveRequest request, CancellationToken cancellation)
        => request.Algorithm == "sarsa-tiles" ? Tiles(request, cancellation) : request.IsPlanner ? Plan(request) : Learn(request, cancellation);

    private static Solution Plan(SolveRequest request)
    {
        var table = request.Environment.CreateTable() ?? throw new ArgumentException($"{request.Environment.Name} has no known model to plan with; use a learner such as q-learning or sarsa-tiles.");
        var options = new PlanningOptions { Gamma = request.Gamma, MaxIterations = 100_000 };
        var result = request.Algorithm switch
        {
            "value-iteration" => ValueIteration.Solve(table.Model, options),
            "async-value-iteration" => ValueIteration.SolveAsynchronously(table.Model, options),
            "policy-iteration" => PolicyIteration.Solve(table.Model, options),
            "truncated-policy-iteration" => PolicyIteration.SolveTruncated(table.Model, request.N, options),
            "prioritized-planning" => PrioritizedPlanning.Solve(table.Model, options with { MaxIterations = int.MaxValue }),
            _ => MonteCarloPlanning.Basic(table, request.N, request.Gamma, 1),
        };
        var start = 0.0;
        for (var s = 0; s < result.Values.Length; s++) start += table.Model.Start[s] * result.Values[s];
        return new Solution(
            Keep(request, result.Actions, result.Values),
            new() { ["iterations"] = result.Iterations, ["converged"] = result.HasConverged ? 1 : 0, ["bellman_residual"] = Bellman.OptimalityResidual(table.Model, result.Values, request.Gamma), ["value_at_start"] = start },
            table,
            result);
    }

    private static Solution Learn(SolveRequest request, CancellationToken cancellation)
    {
        var records = new List<List<EpisodeRecord>>();
        ActionValueLearner? first = null;
        TableEnvironment? table = null;
        for (var repetition = 0; repetition < request.Seeds; repetition++)
        {
            var seed = (ulong)(request.Seed + repetition);
            table = request.Environment.CreateTable();
            var environment = Limited(request.Environment, table);
            var random = new RandomStream(new SeedSequence(seed).Child(1));
            var model = table?.Model;
            Func<int, int, bool>? available = model is null ? environment.Unwrapped is MaximizationBias ? (s, a) => s == 1 || a < 2 : null : model.IsAbsorbing(0) || HasGaps(model) ? (s, a) => model.IsAvailable(s, a) || model.IsAbsorbing(s) : null;
            var learner = Make(request, environment.StateCount(), environment.ActionCount(), random, available);
            first ??= learner;
            if (request.Algorithm == "mc-exploring-starts")
            {
                if (table is null) throw new ArgumentException($"{request.Environment.Name} cannot be put into any state, as exploring starts need.");
                table.ResetState(seed);
                MonteCarloPlanning.ExploringStarts(table, learner, request.Episodes, 1000, random);
                records.Add([new EpisodeRecord(TabularControl.Evaluate(Limited(request.Environment, request.Environment.CreateTable()), learner.GreedyActions(), 2000, seed, 1000), 1)]);
                continue;
            }
            records.Add(TabularControl.Run(environment, learner, request.Episodes, random, seed: seed, cancellation: cancellation));
        }
        var actions = first!.GreedyActions();
        var last = records.Select(r => r.TakeLast(Math.Max(1, r.Count / 5)).Average(e => e.Return)).ToArray();
        var summary = new Dictionary<string, double> { ["return_last_fifth"] = last.Average(), ["return_last_fifth_lowest_seed"] = last.Min() };
        summary["return_greedy"] = TabularControl.Evaluate(Limited(request.Environment, request.Environment.CreateTable()), actions, 200, (ulong)request.Seed + 1_000_000, 1000);
        return new Solution(Keep(request, actions, first.StateValues()), summary, table, Learning: records);
    }

    private static Solution Tiles(SolveRequest request, CancellationToken cancellation)
    {
        if (request.Environment.Make() is not SuttonMountainCar and not MountainCar) throw new ArgumentException($"sarsa-tiles drives SuttonMountainCar and MountainCar-v0, not {request.Environment.Name}.");
        var records = new List<List<EpisodeRecord>>();
        SparseControl? first = null;
        for (var repetition = 0; repetition < request.Seeds; repetition++)
        {
            var seed = (ulong)(request.Seed + repetition);
            var learner = RlSolveCommand.TileLearner(request.Epsilon, request.Gamma, request.StepSize);
            first ??= learner;
            var environment = request.Environment.Make() as IEnvironment<float, int>;
            var random = new RandomStream(new SeedSequence(seed).Child(1));
            var list = new List<EpisodeRecord>();
            for (var episode = 0; episode < request.Episodes; episode++)
            {
                cancellation.ThrowIfCancellationRequested();
                list.Add(learner.RunEpisode(environment!, random, LongestEpisode, episode == 0 ? seed : null));
            }
            records.Add(list);
        }
        var last = records.Select(r => r.TakeLast(Math.Max(1, r.Count / 5)).Average(e => e.Return)).ToArray();
        return new Solution(
            new SolvedPolicy(request.Environment.Name, request.Algorithm, [], [], first!.Weights),
            new() { ["return_last_fifth"] = last.Average(), ["return_last_fifth_lowest_seed"] = last.Min() },
            null,
            Learning: records);
    }

    private static ActionValueLearner Make(SolveRequest request, int states, int actions, RandomStream random, Func<int, int, bool>? available)
    {
        ControlOptions options = new() { Gamma = request.Gamma, StepSize = request.StepSize, Exploration = new() { Epsilon = request.Epsilon } };
        return request.Algorithm switch
        {
            "mc-exploring-starts" => new MonteCarloControl(states, actions, options with { StepSize = StepSizeRule.SampleMean, Exploration = Exploration.None }, isAvailable: available),
            "mc-epsilon-greedy" => new MonteCarloControl(states, actions, options, isAvailable: available),
            "sarsa" => new Sarsa(states, actions, options, available),
            "expected-sarsa" => new ExpectedSarsa(states, actions, options, available),
            "q-learning" => new QLearning(states, actions, options, available),
            "double-q-learning" => new DoubleQLearning(states, actions, random, options, available),
            "n-step-sarsa" => new NStepControl(states, actions, request.N, NStepKind.Sarsa, options, available),
            "tree-backup" => new NStepControl(states, actions, request.N, NStepKind.TreeBackup, options, available),
            "q-sigma" => new NStepControl(states, actions, request.N, NStepKind.QSigma, options, available, 0.5),
            "sarsa-lambda" => new SarsaLambda(states, actions, request.Lambda, TraceKind.Replacing, options, available),
            "q-lambda" => new WatkinsQLambda(states, actions, request.Lambda, TraceKind.Replacing, options, available),
            "dyna-q" => new DynaQ(states, actions, request.PlanningSteps, random, 0, options),
            "dyna-q-plus" => new DynaQ(states, actions, request.PlanningSteps, random, 1e-3, options),
            _ => new PrioritizedSweeping(states, actions, request.PlanningSteps, 1e-4, options),
        };
    }

    private static IEnvironment<int, int> Limited(EnvironmentSpec spec, TableEnvironment? table)
    {
        var environment = table ?? spec.Make() as IEnvironment<int, int> ?? throw new ArgumentException($"{spec.Name} has continuous observations or actions; tabular methods need states that can be counted. Try sarsa-tiles on a mountain car.");
        if (environment.ObservationSpace is not Discrete) throw new ArgumentException($"{spec.Name} observes {environment.ObservationSpace}; tabular methods need single state numbers.");
        return new TimeLimit<int, int>(environment, spec.MaxEpisodeSteps ?? LongestEpisode);
    }

    private static bool HasGaps(TransitionTable model)
        => Enumerable.Range(0, model.StateCount * model.ActionCount).Any(i => model.Offsets[i + 1] == model.Offsets[i]);

    private static SolvedPolicy Keep(SolveRequest request, int[] actions, double[] values)
        => new(request.Environment.Name, request.Algorithm, actions, [.. values.Select(v => double.IsFinite(v) ? v : 0)], []);
}
