using System.Globalization;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A setting of a sweep with the values it takes.</summary>
/// <param name="Key">As an override names it.</param>
/// <param name="Values">At least one.</param>
public sealed record SweepAxis(string Key, IReadOnlyList<string> Values);

/// <summary>
/// Runs a recipe with every combination of some settings, each with several seeds, each seed on every fold: one recorded run each, labelled
/// <c>sweep:NAME</c>. Begun again it takes finished runs as they are and goes on with stopped ones. A cell that fails by itself (its loss
/// is no longer finite, its batch does not fit) is noted, and the others go on; what would stop all of them (a missing file, a full disk)
/// ends the sweep.
/// </summary>
/// <param name="store">Where the runs are kept.</param>
/// <param name="catalog">Where jobs are found.</param>
/// <param name="name">Name of the sweep.</param>
public sealed class Sweep(RunStore store, RecipeCatalog catalog, string name)
{
    /// <summary>The label of its runs.</summary>
    public string Tag => $"sweep:{name}";

    /// <summary>
    /// Splits "key=a,b,[1, 2]" into an axis: commas in brackets, braces and quotes belong to a value. <c>log:1e-4..1e-2:5</c> stands for
    /// five values at equal ratios, <c>lin:0..1:5</c> for five at equal distances.
    /// </summary>
    /// <exception cref="ArgumentException">It is not of that form.</exception>
    public static SweepAxis Axis(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == text.Length - 1)
            throw new ArgumentException($"'{text}' is not a setting; write key=value, or key=value,value for several.");
        var values = new List<string>();
        foreach (var value in ConfigWords.Split(text[(at + 1)..], c => c == ',').Select(v => v.Trim()))
        {
            if (value.Length == 0) throw new ArgumentException($"'{text}' has an empty value.");
            values.AddRange(SweepRange.Of(value, text));
        }
        if (values.Distinct().Count() < values.Count) throw new ArgumentException($"'{text}' names a value twice.");
        return new SweepAxis(text[..at].Trim(), values);
    }

    /// <summary>
    /// Takes <c>seeds=5</c> and <c>folds=5</c> out of the axes of a recipe that has no such keys of its own: they are repetitions.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="axes">Settings as they were written.</param>
    /// <param name="seeds">What was asked for beside them; 0 for nothing.</param>
    /// <param name="folds">Likewise.</param>
    /// <exception cref="ArgumentException">One is not a whole number, or was asked for twice.</exception>
    public static (IReadOnlyList<SweepAxis> Axes, int Seeds, int Folds) Repetitions(Recipe recipe, IReadOnlyList<SweepAxis> axes,
        int seeds, int folds)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(axes);
        var left = axes.ToList();
        int Of(string key, int before)
        {
            if (left.Find(a => a.Key == key) is not { } axis || recipe.HasKey(key)) return before;
            if (before > 0) throw new ArgumentException($"{key} are given twice: as '{key}=' and as --{key}.");
            left.Remove(axis);
            return axis.Values is [var only] && int.TryParse(only, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                && count > 0 ? count
                : throw new ArgumentException($"{key} is '{string.Join(',', axis.Values)}'; write how many, for example {key}=5.");
        }
        var (repeated, parts) = (Of("seeds", seeds), Of("folds", folds));
        return (left, repeated, parts);
    }

    /// <summary>All runs of the sweep: combinations of the axes outermost, then seeds, then folds.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="axes">Settings; one with a single value is the same in all runs.</param>
    /// <param name="seeds">Repetitions with the seeds 0, 1, ...; 0 leaves the recipe's seed.</param>
    /// <param name="folds">Folds of a cross-validation, for recipes with data; 0 for the recipe's own split.</param>
    /// <param name="budget">Of the combinations take this many, drawn at random (the same ones every time); 0 for all.</param>
    /// <exception cref="ConfigException">A setting is not valid: all are resolved before the first run begins.</exception>
    public static IReadOnlyList<PlannedRun> Plan(Recipe recipe, IReadOnlyList<SweepAxis> axes,
        int seeds, int folds, int budget = 0)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(axes);
        if (seeds < 0) throw new ArgumentException($"--seeds is {seeds}; allowed: 0 or more.");
        if (folds is < 0 or 1) throw new ArgumentException($"--folds is {folds}; allowed: 2 or more, or 0 for the recipe's own split.");
        if (seeds > 0 && axes.FirstOrDefault(a => SetsTheSeed(recipe, a)) is { } axis)
            throw new ConfigException(ConfigSource.CommandLine, $"'{axis.Key}' and --seeds both set the seed; leave one out.");
        return Plan(recipe, axes, Settings(axes, budget), seeds, folds, []);
    }

    // Of two words for one key the later one counts.
    private static bool SetsTheSeed(Recipe recipe, SweepAxis axis)
    {
        if (axis.Key != "seed" && !axis.Key.EndsWith(".seed", StringComparison.Ordinal)) return false;
        var word = $"{axis.Key}={axis.Values[0]}";
        return Enumerable.Range(0, 2).Any(seed => !Same(recipe.Resolve([word, $"seed={seed}"]).Flatten(),
            recipe.Resolve([$"seed={seed}", word]).Flatten()));
    }

    /// <summary>Combinations of the axes, or as many of them as a budget says, drawn at random and the same every time.</summary>
    internal static IReadOnlyList<IReadOnlyList<string>> Settings(IReadOnlyList<SweepAxis> axes, int budget)
    {
        if (budget < 0) throw new ArgumentException($"--budget is {budget}; allowed: 1 or more settings.");
        var settings = new List<string[]> { Array.Empty<string>() };
        foreach (var axis in axes)
            settings = settings.SelectMany(s => axis.Values.Select(v => s.Append($"{axis.Key}={v}").ToArray())).ToList();
        if (budget > 0 && budget < settings.Count)
        {
            var chosen = Enumerable.Range(0, settings.Count).ToArray();
            new Random(0).Shuffle(chosen);
            settings = [.. chosen.Take(budget).Order().Select(i => settings[i])];
        }
        return settings;
    }

    /// <summary>
    /// The runs of some settings, each with further overrides; <paramref name="others"/> holds what runs planned before come out as.
    /// </summary>
    internal static IReadOnlyList<PlannedRun> Plan(
        Recipe recipe, IReadOnlyList<SweepAxis> axes, IReadOnlyList<IReadOnlyList<string>> settings, int seeds, int folds,
        IReadOnlyList<string> further, Dictionary<string, string>? others = null)
    {
        var varied = axes.Where(a => a.Values.Count > 1).Select(a => a.Key).ToHashSet();
        var plan = new List<PlannedRun>();
        var known = others ?? new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var setting in settings)
        {
            var named = setting.Where(s => varied.Contains(s.Split('=')[0])).ToList();
            for (var seed = 0; seed < Math.Max(1, seeds); seed++)
            {
                for (var fold = 0; fold < Math.Max(1, folds); fold++)
                {
                    var overrides = new List<string>([.. setting, .. further]);
                    if (seeds > 0) overrides.Add($"seed={seed}");
                    if (folds > 0) overrides.AddRange(["data.split=folds", $"data.split.folds={folds}", $"data.split.fold={fold}"]);
                    var cell = recipe.Resolve(overrides);
                    plan.Add(new PlannedRun(named, cell));
                    RefuseTheSame(known, setting, cell);
                }
            }
        }
        return plan;
    }

    // Two settings with one outcome would be two rows of the same numbers under two names.
    private static void RefuseTheSame(Dictionary<string, string> known, IReadOnlyList<string> setting, ResolvedRecipe cell)
    {
        var all = string.Join('\n', cell.Flatten().Select(f => $"{f.Key}={f.Value}"));
        var words = string.Join(' ', setting);
        if (known.TryAdd(all, words)) return;
        throw new ConfigException(ConfigSource.CommandLine, known[all] == words
            ? $"'{words}' comes out the same more than once: what --seeds or --folds set is set in the recipe's words too."
            : $"'{known[all]}' and '{words}' are the same run: a key is given twice, two values are the same number, or --seeds and "
                + "--folds set the key themselves.");
    }

    /// <summary>Runs what is not finished yet.</summary>
    /// <param name="plan">From <see cref="Plan(Recipe, IReadOnlyList{SweepAxis}, int, int, int)"/>.</param>
    /// <param name="started">Told number, count, setting and id of each run that begins or goes on.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Finish the step, save and stop; the next call goes on.</param>
    /// <returns>A row for each setting; null when it was stopped.</returns>
    public IReadOnlyList<SweepRow>? Run(
        IReadOnlyList<PlannedRun> plan, Action<int, int, string, Run>? started = null,
        IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var failed = new Dictionary<int, string>();
        for (var index = 0; index < plan.Count; index++)
        {
            if (!TryCell(plan, index, failed, started, progress, cancellation)) return null;
        }
        return Rows(plan, Finished(plan), failed);
    }

    /// <summary>
    /// Runs one cell, or goes on with it; nothing when it is finished. Several processes may run different cells of one sweep at once.
    /// </summary>
    /// <param name="plan">From <see cref="Plan(Recipe, IReadOnlyList{SweepAxis}, int, int, int)"/>.</param>
    /// <param name="index">Which.</param>
    /// <param name="started">Told number, count, setting and id when it begins or goes on.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Finish the step, save and stop.</param>
    /// <returns>False when it was stopped.</returns>
    public bool RunCell(
        IReadOnlyList<PlannedRun> plan, int index,
        Action<int, int, string, Run>? started = null, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (cancellation.IsCancellationRequested) return false;
        var recipe = plan[index].Recipe;
        var known = Known(recipe);
        if (known is { Status: RunStatus.Finished }) return true;
        var runner = new RecipeRunner(store, catalog);
        void Started(Run run) => started?.Invoke(index + 1, plan.Count, Words(plan[index]), run);
        var result = known is null ? runner.Train(recipe, [Tag], Started, progress, cancellation)
            : runner.Resume(known.Id, null, Started, progress, cancellation);
        return result.Outcome.Completed;
    }

    /// <summary><see cref="RunCell"/>, but a cell that fails by itself is noted with its reason instead of thrown.</summary>
    /// <param name="plan">From <see cref="Plan(Recipe, IReadOnlyList{SweepAxis}, int, int, int)"/>.</param>
    /// <param name="index">Which.</param>
    /// <param name="failed">Receives the reason under the cell's number.</param>
    /// <param name="started">Told number, count, setting and id when it begins or goes on.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Finish the step, save and stop.</param>
    /// <returns>False when it was stopped.</returns>
    public bool TryCell(
        IReadOnlyList<PlannedRun> plan,
        int index,
        IDictionary<int, string> failed,
        Action<int, int, string, Run>? started = null,
        IProgress<TrainingReport>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(failed);
        try
        {
            return RunCell(plan, index, started, progress, cancellation);
        }
        catch (Exception e) when (e
            is not (OperationCanceledException or IOException or UnauthorizedAccessException or RunStoreException or RunNotFoundException
                or OutOfMemoryException))
        {
            failed[index] = e.Message.Split('\n')[0];
            progress?.Report(new NoticeReport($"{Words(plan[index])} failed: {failed[index]}"));
            return true;
        }
    }

    /// <summary>What the store says of a cell whose run failed; null for others.</summary>
    public string? FailureOf(ResolvedRecipe cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return Known(cell) is { Status: RunStatus.Failed } run ? run.Message ?? "failed" : null;
    }

    /// <summary>A row for each setting; null while cells are not finished.</summary>
    public IReadOnlyList<SweepRow>? Rows(IReadOnlyList<PlannedRun> plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Rows(plan, Finished(plan));
    }

    /// <summary>The cells that this store has finished runs of.</summary>
    public IReadOnlyDictionary<int, SweepCell> Finished(IReadOnlyList<PlannedRun> plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var cells = new Dictionary<int, SweepCell>();
        for (var i = 0; i < plan.Count; i++)
        {
            if (Known(plan[i].Recipe) is { Status: RunStatus.Finished } run) cells[i] = new SweepCell(run.Id, run.Summary);
        }
        return cells;
    }

    /// <summary>A row for each setting; null while cells are missing.</summary>
    /// <param name="plan">From <see cref="Plan(Recipe, IReadOnlyList{SweepAxis}, int, int, int)"/>.</param>
    /// <param name="finished">Cells by their numbers, from wherever they ran.</param>
    /// <param name="failed">Cells that failed, and why.</param>
    public static IReadOnlyList<SweepRow>? Rows(
        IReadOnlyList<PlannedRun> plan, IReadOnlyDictionary<int, SweepCell> finished,
        IReadOnlyDictionary<int, string>? failed = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(finished);
        for (var i = 0; i < plan.Count; i++)
        {
            if (!finished.ContainsKey(i) && failed?.ContainsKey(i) != true) return null;
        }
        var rows = new List<SweepRow>();
        foreach (var group in Enumerable.Range(0, plan.Count).GroupBy(i => plan[i].Words))
        {
            var ended = group.Index().Where(i => finished.ContainsKey(i.Item)).ToList();
            var cells = ended.ConvertAll(i => finished[i.Item]);
            var figures = new Dictionary<string, (double Mean, double Deviation)>();
            foreach (var key in cells.FirstOrDefault()?.Figures.Keys.Where(key => cells.TrueForAll(c => c.Figures.ContainsKey(key))) ?? [])
                figures[key] = SweepRow.Spread(cells.ConvertAll(c => c.Figures[key]));
            rows.Add(new SweepRow(plan[group.First()].Setting, cells.ConvertAll(c => c.Run), figures)
            {
                Name = plan[group.First()].Name,
                Repetitions = ended.ConvertAll(i => i.Index),
                Values = figures.Keys.ToDictionary(key => key, key => (IReadOnlyList<double>)cells.ConvertAll(c => c.Figures[key])),
                Failures = [.. group.Where(i => !finished.ContainsKey(i)).Select(i => failed![i])],
            });
        }
        return rows;
    }

    /// <summary>
    /// Milliseconds from one recorded loss to the next, per step: the median over a row's runs that are in this store; null where no losses
    /// were recorded.
    /// </summary>
    public double? StepMilliseconds(SweepRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var gaps = new List<double>();
        var here = store.List(new RunQuery { Tag = Tag, IncludeArchived = true }).Select(run => run.Id).ToHashSet();
        foreach (var run in row.Runs.Where(here.Contains))
        {
            var points = store.ReadSeries(run, "train/loss");
            gaps.AddRange(points.Zip(points.Skip(1), (a, b) => (b.WallTime - a.WallTime) / 1000.0 / Math.Max(1, b.Step - a.Step)));
        }
        gaps.Sort();
        return gaps.Count == 0 ? null : gaps[gaps.Count / 2];
    }

    /// <summary>
    /// What makes rows incomparable: runs that were to learn from the same data and found others, since files changed between them, or of
    /// which that is not known. Empty where there is nothing. Runs of other hosts, whose folders are not here, are passed over.
    /// </summary>
    public IReadOnlyList<string> DataNotices(IReadOnlyList<SweepRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var (differing, unknown) = RunComparison.Look(store, store.List(new RunQuery { Tag = Tag, IncludeArchived = true })
            .Where(run => rows.Any(row => row.Runs.Contains(run.Id))));
        return [.. differing.Select(notice => $"{notice} Begin the sweep under a new name (--name)."), .. unknown];
    }

    private static string Words(PlannedRun cell) => cell.Words.Length == 0 ? cell.Recipe.Name : cell.Words;

    private RunInfo? Known(ResolvedRecipe recipe)
    {
        var wanted = recipe.Flatten();
        return store.List(new RunQuery { Tag = Tag, IncludeArchived = true }).FirstOrDefault(run => Same(store.Config(run.Id), wanted));
    }

    private static bool Same(IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, string> wanted)
        => config.Count == wanted.Count && wanted.All(w => config.TryGetValue(w.Key, out var value) && value == w.Value);
}
