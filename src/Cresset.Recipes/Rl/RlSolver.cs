using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>What a planner or learner brought.</summary>
/// <param name="Policy">The policy and its values, of the first seed.</param>
/// <param name="Summary">Figures for the run.</param>
/// <param name="Planning">The planner's result, or null.</param>
/// <param name="Learning">Episode records, one list a seed, or null.</param>
/// <param name="PolicyValues">Monte Carlo control: exact value at the start of the greedy policy after each part of the episodes, one list
/// a seed; empty without a model.</param>
public sealed record RlSolution(
    SolvedPolicy Policy,
    IReadOnlyDictionary<string, double> Summary,
    PlanningResult? Planning = null,
    IReadOnlyList<IReadOnlyList<EpisodeRecord>>? Learning = null,
    IReadOnlyList<IReadOnlyList<double>>? PolicyValues = null)
{
    /// <summary>Why this is not a solution; null when it is one.</summary>
    public PlanNotConvergedException? Failure { get; init; }
}

/// <summary>A planner reached its limit of sweeps before its values settled.</summary>
/// <param name="options">What was asked for.</param>
/// <param name="plan">How far it came.</param>
/// <param name="neverEnds">Whether the task has no end, so that undiscounted values do not exist.</param>
public sealed class PlanNotConvergedException(RlSolveOptions options, PlanningResult plan, bool neverEnds)
    : Exception(string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{options.Method} did not converge on {options.Environment.Name}: after {plan.Iterations} sweeps the values still change by "
            + $"{plan.Trace[^1].Change:0.###e+0} (wanted: {options.Tolerance:0.#e+0}). What was found is not a solution. "
            + $"{Advice(options, neverEnds)}"))
{
    private static string Advice(RlSolveOptions options, bool neverEnds)
        => options.Gamma == 1 && neverEnds
            ? "The task never ends, so with gamma 1 its values have no bound: use a gamma below 1, or relative-value-iteration, which "
                + "finds the best average reward."
            : "Allow more sweeps (solve.max_iterations), a larger tolerance, or use a gamma further below 1.";
}

/// <summary>Runs the algorithm that was asked for.</summary>
public static class RlSolver
{
    private const int LongestEpisode = 10_000;

    /// <summary>Plans or learns.</summary>
    /// <param name="options">What and how.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Stops between episodes.</param>
    /// <exception cref="ArgumentException">The algorithm does not fit the environment.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RlSolution Run(RlSolveOptions options, IProgress<TrainingReport>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return options.Algorithm switch
        {
            Planner planner => Plan(planner, options, progress, cancellation),
            TabularLearner { ExploresStarts: true } => ExploringStarts(options, progress, cancellation),
            _ => Learn(options, progress, cancellation),
        };
    }

    /// <summary>Refuses an algorithm that does not fit the environment.</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal static void Check(RlSolveOptions options)
    {
        switch (options.Algorithm)
        {
            case Planner:
                Table(options);
                break;
            case TabularLearner learner:
                TabularWorlds.Make(learner, options, options.Environment, new RandomStream(0));
                break;
            default:
                Car(options);
                break;
        }
    }

    private static TableEnvironment Table(RlSolveOptions options)
        => options.Environment.CreateTable()
            ?? throw new ArgumentException(
                $"{options.Environment.Name} has no known model to plan with; use a learner such as q-learning or sarsa-tiles.");

    private static IEnvironment<float, int> Car(RlSolveOptions options)
        => IsCar(options.Environment)
            ? (options.Environment with
            {
                MaxEpisodeSteps = options.EpisodeLength == 0 ? LongestEpisode
                : options.EpisodeLength
            }).Create<float, int>()
            : throw new ArgumentException($"{options.Method} drives SuttonMountainCar and MountainCar-v0, not {options.Environment.Name}.");

    private static bool IsCar(EnvironmentSource source)
    {
        var environment = source.Make();
        environment.End();
        return environment is SuttonMountainCar or MountainCar;
    }

    private static RlSolution Plan(Planner planner, RlSolveOptions options, IProgress<TrainingReport>? progress,
        CancellationToken cancellation)
    {
        var table = Table(options);
        var watch = new PlanningProgress(progress, options);
        var planning = new PlanningOptions
        {
            Gamma = options.Gamma,
            Tolerance = options.Tolerance,
            MaxIterations = options.MaxIterations,
            OnIteration = watch.Advance
        };
        var (result, average) = planner.Solve(table, planning, cancellation);
        var start = 0.0;
        for (var s = 0; s < result.Values.Length; s++) start += table.Model.Start[s] * result.Values[s];
        var summary = new Dictionary<string, double>
        {
            ["iterations"] = result.Iterations,
            ["converged"] = result.HasConverged ? 1 : 0,
            ["bellman_residual"] = average is null ? Bellman.OptimalityResidual(table.Model, result.Values, options.Gamma)
                : result.Trace[^1].Change,
            ["value_at_start"] = start,
        };
        if (average is { } best) summary["average_reward"] = best;
        var neverEnds = !table.Model.Terminated.Contains(true) && !Enumerable.Range(0, table.Model.StateCount).Any(table.Model.IsAbsorbing);
        return new RlSolution(Keep(options, result.Actions, result.Values), summary, result)
        {
            Failure = result.HasConverged ? null : new PlanNotConvergedException(options, result, neverEnds),
        };
    }

    /// <summary>One run of a learner that plays episodes: its policy and its episodes.</summary>
    internal static (SolvedPolicy Policy, IReadOnlyList<EpisodeRecord> Records) Learned(RlSolveOptions options,
        CancellationToken cancellation)
    {
        var spec = options.Environment;
        var seed = (ulong)options.Seed;
        var random = new RandomStream(new SeedSequence(seed).Child(1));
        if (options.Algorithm is not TabularLearner method)
        {
            var car = Car(options);
            var tiles = MountainCarTiles.Learner(options);
            var list = new List<EpisodeRecord>();
            for (var episode = 0; episode < options.Episodes; episode++)
            {
                cancellation.ThrowIfCancellationRequested();
                list.Add(
                    tiles.RunEpisode(car, random, options.EpisodeLength == 0 ? LongestEpisode : options.EpisodeLength,
                        episode == 0 ? seed : null));
            }
            return (new SolvedPolicy(spec.Name, options.Method, [], [], tiles.Weights) { World = StoredEnvironment.Write(spec) }, list);
        }
        var learner = TabularWorlds.Make(method, options, spec, random);
        var environment = TabularWorlds.Limited(spec, options.EpisodeLength == 0 ? LongestEpisode : options.EpisodeLength,
            options.EpisodeLength > 0);
        try
        {
            var records = TabularControl.Run(environment, learner, options.Episodes, random, seed: seed, cancellation: cancellation);
            return (Keep(options, learner.GreedyActions(), learner.StateValues()), records);
        }
        finally
        {
            environment.End();
        }
    }

    private static RlSolution Learn(RlSolveOptions options, IProgress<TrainingReport>? progress, CancellationToken cancellation)
    {
        var watch = new StudyProgress(progress, options.Seeds, "seed");
        var records = new List<IReadOnlyList<EpisodeRecord>>();
        SolvedPolicy? first = null;
        for (var repetition = 0; repetition < options.Seeds; repetition++)
        {
            var (policy, episodes) = Learned(options with { Seed = options.Seed + repetition }, cancellation);
            first ??= policy;
            records.Add(episodes);
            watch.Advance(
                string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"return of the last fifth {episodes.TakeLast(Math.Max(1, episodes.Count / 5)).Average(e => e.Return):0.###}"));
        }
        return OfSeeds(options, first!, records);
    }

    /// <summary>Whether the algorithm learns from episodes of its own, seed by seed.</summary>
    internal static bool IsBySeeds(RlSolveOptions options) => options.Algorithm is not (Planner or TabularLearner { ExploresStarts: true });

    /// <summary>The solution of a learner from the episodes of all seeds.</summary>
    internal static RlSolution OfSeeds(RlSolveOptions options, SolvedPolicy first, IReadOnlyList<IReadOnlyList<EpisodeRecord>> records)
        => Judged(options, first, LastFifth(records)) with { Learning = records };

    private static RlSolution ExploringStarts(RlSolveOptions options, IProgress<TrainingReport>? progress, CancellationToken cancellation)
    {
        var watch = new StudyProgress(progress, options.Seeds * ExploringStartsRun.Parts, "part");
        var values = new List<IReadOnlyList<double>>();
        ActionValueLearner? first = null;
        for (var repetition = 0; repetition < options.Seeds; repetition++)
        {
            var seed = (ulong)(options.Seed + repetition);
            var random = new RandomStream(new SeedSequence(seed).Child(1));
            var learner = TabularWorlds.Make((TabularLearner)options.Algorithm, options, options.Environment, random);
            first ??= learner;
            values.Add(ExploringStartsRun.Learn(options, learner, seed, random, watch, cancellation));
        }
        var summary = new Dictionary<string, double>();
        if (values.All(v => v.Count > 0)) summary["policy_value_at_start"] = values.Average(v => v[^1]);
        return Judged(options, Keep(options, first!.GreedyActions(), first.StateValues()),
            summary) with
        { PolicyValues = values.All(v => v.Count > 0) ? values : null };
    }

    private static RlSolution Judged(RlSolveOptions options, SolvedPolicy policy, Dictionary<string, double> summary)
    {
        summary["return_greedy"] = policy.MeanReturn(options.Environment, 200, (ulong)options.Seed + 1_000_000,
            options.EpisodeLength > 0 ? options.EpisodeLength : options.Algorithm is TileLearner ? LongestEpisode : 1000);
        foreach (var (name, value) in OptimumComparison.Of(options, policy)) summary[name] = value;
        return new RlSolution(policy, summary);
    }

    private static Dictionary<string, double> LastFifth(IReadOnlyList<IReadOnlyList<EpisodeRecord>> records)
    {
        double[] Last(Func<EpisodeRecord, double> value) => [.. records.Select(r => r.TakeLast(Math.Max(1, r.Count / 5)).Average(value))];
        var (returns, lengths) = (Last(e => e.Return), Last(e => e.Length));
        return new()
        {
            ["return_last_fifth"] = returns.Average(),
            ["return_last_fifth_lowest_seed"] = returns.Min(),
            ["length_last_fifth"] = lengths.Average()
        };
    }

    private static SolvedPolicy Keep(RlSolveOptions options, int[] actions, double[] values)
        => new SolvedPolicy(options.Environment.Name, options.Method, actions, [.. values.Select(v => double.IsFinite(v) ? v : 0)],
            [])
        { World = StoredEnvironment.Write(options.Environment) };
}
