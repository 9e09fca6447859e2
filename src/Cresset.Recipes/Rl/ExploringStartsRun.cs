using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Monte Carlo with exploring starts in parts, with the exact value of the greedy policy after each.</summary>
internal static class ExploringStartsRun
{
    /// <summary>Parts that the episodes are divided into.</summary>
    public const int Parts = 20;

    public static IReadOnlyList<double> Learn(RlSolveOptions options, ActionValueLearner learner, ulong seed, RandomStream random,
        StudyProgress progress, CancellationToken cancellation)
    {
        var spec = options.Environment;
        var table = spec.CreateTable()
            ?? throw new ArgumentException($"{spec.Name} cannot be put into any state, as exploring starts need.");
        table.ResetState(seed);
        var (values, done) = (new List<double>(), 0);
        for (var part = 1; part <= Parts; part++)
        {
            cancellation.ThrowIfCancellationRequested();
            var until = (int)((long)options.Episodes * part / Parts);
            MonteCarloPlanning.ExploringStarts(table, learner, until - done, options.EpisodeLength == 0 ? 1000 : options.EpisodeLength,
                random);
            done = until;
            var value = StartValue(table.Model, learner.GreedyActions(), options.Gamma);
            if (value is { } known) values.Add(known);
            progress.Advance(value is null ? ""
                : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"value of the greedy policy {value:0.0000}"));
        }
        return values.Count == Parts ? values : [];
    }

    private static double? StartValue(TransitionTable model, int[] actions, double gamma)
    {
        try
        {
            var values = PolicyEvaluation.Exact(model, TabularPolicy.Deterministic(actions, model.ActionCount), gamma);
            var start = 0.0;
            for (var s = 0; s < values.Length; s++) start += model.Start[s] * values[s];
            return start;
        }
        catch (InvalidOperationException)
        {
            // A policy that never ends has no value without discounting.
            return null;
        }
    }
}
