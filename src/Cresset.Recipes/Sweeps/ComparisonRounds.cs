using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// The settings that a recipe compares. Where they have values to choose from (a learning rate for each optimizer), the first round runs
/// all of them with the first seed, and the second repeats the best value of each setting with all seeds.
/// </summary>
public sealed class ComparisonRounds : ISweepRounds
{
    private readonly Recipe _recipe;
    private readonly RecipeComparison _comparison;
    private readonly IReadOnlyList<(string Name, IReadOnlyList<SweepAxis> Axes)> _settings;
    private readonly int _seeds;
    private readonly int _folds;

    /// <summary>Lays the rounds out.</summary>
    /// <param name="recipe">A recipe that compares settings.</param>
    /// <param name="axes">What the command sets beside them, in all runs.</param>
    /// <param name="seeds">Repetitions; 0 for those that the recipe asks for.</param>
    /// <param name="folds">Folds of a cross-validation; 0 for the recipe's own split.</param>
    /// <exception cref="ArgumentException">The recipe compares nothing, or the command gives several values.</exception>
    public ComparisonRounds(Recipe recipe, IReadOnlyList<SweepAxis> axes, int seeds, int folds)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(axes);
        _comparison = recipe.Comparison
            ?? throw new ArgumentException($"The recipe '{recipe.Name}' has no section '{RecipeComparison.Section}'.", nameof(recipe));
        if (axes.FirstOrDefault(a => a.Values.Count > 1) is { } several)
            throw new ArgumentException(
                $"'{several.Key}' has several values, and '{recipe.Name}' compares settings of its own: give it one value, that of all "
                    + "runs, or sweep another recipe.");
        (_recipe, _seeds, _folds) = (recipe, seeds > 0 ? seeds : _comparison.Seeds, folds);
        // What the command says comes last, so that it counts.
        _settings = [.. _comparison.Settings.Select(s => (s.Name, (IReadOnlyList<SweepAxis>)[.. s.Words.Select(Sweep.Axis), .. axes]))];
    }

    /// <inheritdoc/>
    public int Rounds => Searches && Math.Max(_seeds, 1) * Math.Max(_folds, 1) > 1 ? 2 : 1;

    private bool Searches => _settings.Any(s => s.Axes.Any(a => a.Values.Count > 1));

    /// <inheritdoc/>
    public string Describe(int round) => round < Rounds - 1 ? "all values once" : Searches && Rounds > 1
        ? "the best value of each setting, repeated" : "each setting";

    /// <inheritdoc/>
    public IReadOnlyList<PlannedRun> Round(int round, IReadOnlyList<SweepRow>? before)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(round);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(round, Rounds);
        var plan = new List<PlannedRun>();
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        var isSearch = round < Rounds - 1;
        foreach (var (name, axes) in _settings)
        {
            var settings = Sweep.Settings(axes, 0);
            if (round > 0)
            {
                ArgumentNullException.ThrowIfNull(before);
                // A setting that failed once would fail again.
                var best = before.Where(row => row.Name == name && row.Failures.Count == 0).OrderBy(Place).FirstOrDefault();
                settings = [.. settings.Where(s => best is not null && best.Overrides.All(s.Contains))];
            }
            // The search takes the first seed of those that are repeated later, so that its best run is one of them.
            var (seeds, folds) = isSearch ? (Math.Min(_seeds, 1), 0) : (_seeds, _folds);
            try
            {
                plan.AddRange(Sweep.Plan(_recipe, axes, settings, seeds, folds, [], known).Select(run => run with { Name = name }));
            }
            catch (ConfigException e) when (e.Source == ConfigSource.CommandLine)
            {
                // Its words come from the recipe, beside those of the command.
                var problem = e.Message[(e.Source.ToString().Length + 2)..];
                throw new ConfigException(new ConfigSource($"{_recipe.Source}, setting '{name}'", 0), problem);
            }
        }
        return plan;
    }

    /// <inheritdoc/>
    public IReadOnlyList<SweepRow> Gather(int round, IReadOnlyList<SweepRow> rows, IReadOnlyList<SweepRow> before)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(before);
        var repeated = rows.Select(row => row.Words).ToHashSet();
        return [.. rows, .. before.Where(row => !repeated.Contains(row.Words))];
    }

    // Lower is earlier.
    private double Place(SweepRow row)
    {
        var mean = row.Figures.Values.FirstOrDefault((double.NaN, 0)).Item1;
        return double.IsNaN(mean) ? double.PositiveInfinity : _comparison.HigherIsBetter ? -mean : mean;
    }
}
