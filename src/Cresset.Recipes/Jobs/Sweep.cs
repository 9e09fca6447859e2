using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A setting of a sweep with the values it takes.</summary>
/// <param name="Key">As an override names it.</param>
/// <param name="Values">At least one.</param>
public sealed record SweepAxis(string Key, IReadOnlyList<string> Values);

/// <summary>One setting of a sweep with what its repetitions gave.</summary>
/// <param name="Overrides">The values of the axes.</param>
/// <param name="Runs">Ids of its runs.</param>
/// <param name="Figures">Mean and sample deviation (NaN for one run) of each figure, the headline first.</param>
public sealed record SweepRow(IReadOnlyList<string> Overrides, IReadOnlyList<string> Runs, IReadOnlyDictionary<string, (double Mean, double Deviation)> Figures);

/// <summary>
/// Runs a recipe with every combination of some settings, each with several seeds, each seed on every fold: one recorded run each, labelled
/// <c>sweep:NAME</c>. Begun again it takes finished runs as they are and goes on with stopped ones.
/// </summary>
/// <param name="store">Where the runs are kept.</param>
/// <param name="catalog">Where jobs are found.</param>
/// <param name="name">Name of the sweep.</param>
public sealed class Sweep(RunStore store, RecipeCatalog catalog, string name)
{
    /// <summary>The label of its runs.</summary>
    public string Tag => $"sweep:{name}";

    /// <summary>Splits "key=a,b,[1, 2]" into an axis: commas in brackets, braces and quotes belong to a value.</summary>
    /// <exception cref="ArgumentException">It is not of that form.</exception>
    public static SweepAxis Axis(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == text.Length - 1) throw new ArgumentException($"'{text}' is not a setting; write key=value, or key=value,value for several.");
        var (values, depth, quoted, start) = (new List<string>(), 0, false, at + 1);
        for (var i = at + 1; i <= text.Length; i++)
        {
            var c = i < text.Length ? text[i] : ',';
            if (c == '"') quoted = !quoted;
            else if (!quoted && c is '[' or '{') depth++;
            else if (!quoted && c is ']' or '}') depth--;
            if (i < text.Length && (c != ',' || depth > 0 || quoted)) continue;
            var value = text[start..i].Trim();
            if (value.Length == 0) throw new ArgumentException($"'{text}' has an empty value.");
            values.Add(value);
            start = i + 1;
        }
        if (values.Distinct().Count() < values.Count) throw new ArgumentException($"'{text}' names a value twice.");
        return new SweepAxis(text[..at].Trim(), values);
    }

    /// <summary>All runs of the sweep: combinations of the axes outermost, then seeds, then folds.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="axes">Settings; one with a single value is the same in all runs.</param>
    /// <param name="seeds">Repetitions with the seeds 0, 1, ...; 0 leaves the recipe's seed.</param>
    /// <param name="folds">Folds of a cross-validation, for recipes with data; 0 for the recipe's own split.</param>
    /// <exception cref="ConfigException">A setting is not valid: all are resolved before the first run begins.</exception>
    public static IReadOnlyList<(IReadOnlyList<string> Setting, ResolvedRecipe Recipe)> Plan(Recipe recipe, IReadOnlyList<SweepAxis> axes, int seeds, int folds)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(axes);
        if (seeds < 0) throw new ArgumentException($"--seeds is {seeds}; allowed: 0 or more.");
        if (folds is < 0 or 1) throw new ArgumentException($"--folds is {folds}; allowed: 2 or more, or 0 for the recipe's own split.");
        var settings = new List<string[]> { Array.Empty<string>() };
        foreach (var axis in axes) settings = settings.SelectMany(s => axis.Values.Select(v => s.Append($"{axis.Key}={v}").ToArray())).ToList();
        var varied = axes.Where(a => a.Values.Count > 1).Select(a => a.Key).ToHashSet();
        var plan = new List<(IReadOnlyList<string> Setting, ResolvedRecipe Recipe)>();
        foreach (var setting in settings)
        {
            var named = setting.Where(s => varied.Contains(s.Split('=')[0])).ToList();
            for (var seed = 0; seed < Math.Max(1, seeds); seed++)
            {
                for (var fold = 0; fold < Math.Max(1, folds); fold++)
                {
                    var overrides = new List<string>(setting);
                    if (seeds > 0) overrides.Add($"seed={seed}");
                    if (folds > 0) overrides.AddRange(["data.split=folds", $"data.split.folds={folds}", $"data.split.fold={fold}"]);
                    plan.Add((named, recipe.Resolve(overrides)));
                }
            }
        }
        return plan;
    }

    /// <summary>Runs what is not finished yet.</summary>
    /// <param name="plan">From <see cref="Plan"/>.</param>
    /// <param name="started">Told number, count, setting and id of each run that begins or goes on.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Finish the step, save and stop; the next call goes on.</param>
    /// <returns>A row for each setting; null when it was stopped.</returns>
    public IReadOnlyList<SweepRow>? Run(
        IReadOnlyList<(IReadOnlyList<string> Setting, ResolvedRecipe Recipe)> plan, Action<int, int, string, Run>? started = null, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var runner = new RecipeRunner(store, catalog);
        var results = new List<(IReadOnlyList<string> Setting, string Id, IReadOnlyDictionary<string, double> Metrics)>();
        foreach (var (index, (setting, recipe)) in plan.Index())
        {
            if (cancellation.IsCancellationRequested) return null;
            var wanted = recipe.Flatten();
            var known = store.List(new RunQuery { Tag = Tag, IncludeArchived = true }).FirstOrDefault(run => Same(store.Config(run.Id), wanted));
            if (known is { Status: RunStatus.Finished })
            {
                results.Add((setting, known.Id, known.Summary));
                continue;
            }
            var words = setting.Count == 0 ? recipe.Name : string.Join(' ', setting);
            void Started(Run run) => started?.Invoke(index + 1, plan.Count, words, run);
            var result = known is null ? runner.Train(recipe, [Tag], Started, progress, cancellation) : runner.Resume(known.Id, null, Started, progress, cancellation);
            if (!result.Outcome.Completed) return null;
            results.Add((setting, result.RunId, result.Outcome.Metrics));
        }
        var rows = new List<SweepRow>();
        foreach (var group in results.GroupBy(r => string.Join(' ', r.Setting)))
        {
            var all = group.ToList();
            var figures = new Dictionary<string, (double Mean, double Deviation)>();
            foreach (var key in all[0].Metrics.Keys.Where(key => all.TrueForAll(r => r.Metrics.ContainsKey(key)))) figures[key] = Spread(all.ConvertAll(r => r.Metrics[key]));
            rows.Add(new SweepRow(all[0].Setting, all.ConvertAll(r => r.Id), figures));
        }
        return rows;
    }

    private static bool Same(IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, string> wanted)
        => config.Count == wanted.Count && wanted.All(w => config.TryGetValue(w.Key, out var value) && value == w.Value);

    private static (double Mean, double Deviation) Spread(List<double> values)
    {
        var mean = values.Average();
        return (mean, values.Count < 2 ? double.NaN : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)));
    }
}
