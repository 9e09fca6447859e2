using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Solves one environment by planning or learning: pictures, the book's figures, and a policy to play.</summary>
[Part("rl-solve")]
public sealed class RlSolveJob : StudyJob<RlSolveOptions, RlSolveJob.Learned>, IUpgradesRecipes, IAnswersThroughAnother
{
    /// <inheritdoc/>
    public override string Name => "rl-solve";

    /// <inheritdoc/>
    public override string Summary => "Solve an environment by planning, Monte Carlo, temporal differences or tiles.";

    /// <inheritdoc/>
    public override string Evaluates => "the mean return of its greedy policy over 100 episodes";

    /// <inheritdoc/>
    public override string Samples => "films of episodes";

    /// <inheritdoc/>
    protected override string Section => "solve";

    /// <inheritdoc/>
    protected override string CellWord => "seed";

    /// <inheritdoc/>
    public override void Check(ResolvedRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        RlSolver.Check((RlSolveOptions)recipe.Options[Section]);
    }

    void IUpgradesRecipes.Upgrade(ConfigMap recipe) => OldMethodKeys.Move(recipe, Section);

    string? IUpgradesRecipes.Earlier(string key) => OldMethodKeys.Keys.Contains(key) ? $"{Section}.{key}" : null;

    /// <summary>The seeds of a learner; planners and exploring starts are one piece of work.</summary>
    protected override IReadOnlyList<string> Cells(RlSolveOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return RlSolver.IsBySeeds(options) ? [.. Enumerable.Range(0, options.Seeds).Select(s => $"seed-{s}")] : [];
    }

    /// <inheritdoc/>
    protected override Learned Measure(RlSolveOptions options, StudyCell<Learned> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        var (policy, records) = RlSolver.Learned(options with { Seed = options.Seed + cell.Index }, cell.Cancellation);
        cell.Figures = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"return of the last fifth {records.TakeLast(Math.Max(1, records.Count / 5)).Average(e => e.Return):0.###}");
        return new Learned(policy, [.. records.Select(r => r.Return)], [.. records.Select(r => r.Length)]);
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, RlSolveOptions options, IReadOnlyList<Learned> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        var solution = cells.Count > 0
            ? RlSolver.OfSeeds(options, cells[0].Policy, [.. cells.Select(c => c.Records())])
            : RlSolver.Run(options, context.Progress, context.Cancellation);
        solution.Policy.Save(context.Folder);
        Record(context.Recorder, solution);
        if (RlFigures.Text(options.Environment, solution.Policy) is { } text) context.Progress?.Report(new NoticeReport(text.TrimEnd()));
        var metrics = new Dictionary<string, double>(solution.Summary);
        var figures =
            options.Book.Select(
                b => new ComparedFigure(b.Metric, metrics.GetValueOrDefault(b.Metric, double.NaN), StandardErrorOf(b.Metric, solution),
                    b.Value, b.Tolerance)).ToList();
        if (options.BookValues.Count > 0)
            figures.Add(new ComparedFigure("largest difference to the book's printed values", Difference(options, solution), 0, 0, 0.0501));
        // The run keeps what there is, and fails: nobody should play a plan that is not one.
        if (solution.Failure is { } failure) throw failure;
        var table = BookComparison.Report(context, figures, metrics);
        return new JobOutcome(true, metrics, [.. Pictures(context.Recorder, options, solution)]) { Table = table };
    }

    /// <inheritdoc/>
    public override JobOutcome Evaluate(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<RlSolveOptions>(Section);
        var policy = Stored(context);
        const int Episodes = 100;
        var value = policy.MeanReturn(options.Environment, Episodes, (ulong)options.Seed + 1_000_000,
            options.EpisodeLength == 0 ? 1000 : options.EpisodeLength);
        var metrics = new Dictionary<string, double> { ["return_greedy"] = value, ["episodes"] = Episodes };
        foreach (var (name, figure) in OptimumComparison.Of(options, policy)) metrics[name] = figure;
        return new JobOutcome(true, metrics, []);
    }

    /// <inheritdoc/>
    public override JobOutcome Sample(JobContext context, SampleRequest request)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: false, takesConditions: false);
        request.RefuseNumbers(Name);
        var policy = Stored(context);
        var folder = request.OutputFolder ?? Path.Combine(context.Folder, "samples");
        Directory.CreateDirectory(folder);
        var (files, returns) = (new List<string>(), new List<double>());
        for (var i = 0; i < Math.Max(1, request.Count); i++)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var seed = request.Seed + (ulong)i;
            var path = Path.Combine(folder, $"episode-{seed}.gif");
            returns.Add(EpisodeFilm.Save(path, policy.Play(context.Options<RlSolveOptions>(Section).Environment, seed, 500)).Return);
            files.Add(path);
        }
        return new JobOutcome(true, new Dictionary<string, double> { ["return"] = returns.Average() }, files);
    }

    /// <summary>Writes episodes or sweeps of the first seed, and the pictures, into a run; returns the pictures' files.</summary>
    public static void Record(IRunRecorder recorder, RlSolution solution)
    {
        ArgumentNullException.ThrowIfNull(recorder);
        ArgumentNullException.ThrowIfNull(solution);
        if (solution.Learning is { } records)
        {
            for (var e = 0; e < records[0].Count; e++) recorder.Scalar("episode/return", e, records[0][e].Return);
            for (var e = 0; e < records[0].Count; e++) recorder.Scalar("episode/length", e, records[0][e].Length);
        }
        if (solution.Planning is { } plan)
        {
            foreach (var step in plan.Trace) recorder.Scalar("planning/change", step.Iteration, step.Change);
        }
        if (solution.PolicyValues is { } values)
        {
            for (var i = 0; i < values[0].Count; i++) recorder.Scalar("policy/value_at_start", i + 1, values[0][i]);
        }
    }

    private static IEnumerable<string> Pictures(IRunRecorder recorder, RlSolveOptions options, RlSolution solution)
    {
        foreach (var (name, figure) in RlFigures.Of(options, solution))
        {
            if (recorder.Picture(name, 0, figure.ToPng()) is { } path) yield return path;
        }
    }

    private static SolvedPolicy Stored(JobContext context)
    {
        var path = Path.Combine(context.Folder, SolvedPolicy.FileName);
        return File.Exists(path) ? SolvedPolicy.LoadFile(path)
            : throw new InvalidDataException($"{context.Folder} holds no {SolvedPolicy.FileName}. Train the run to its end first.");
    }

    private static double StandardErrorOf(string metric, RlSolution solution)
    {
        if (solution.Learning is not { } records) return 0;
        double[] Last(Func<EpisodeRecord, double> value) => [.. records.Select(r => r.TakeLast(Math.Max(1, r.Count / 5)).Average(value))];
        return metric switch
        {
            "return_last_fifth" => SeedBand.StandardError(Last(e => e.Return)),
            "length_last_fifth" => SeedBand.StandardError(Last(e => e.Length)),
            _ => 0,
        };
    }

    private static double Difference(RlSolveOptions options, RlSolution solution)
    {
        if (options.BookValues.Count != solution.Policy.Values.Length)
            throw new InvalidOptionsException(nameof(RlSolveOptions),
                [new OptionProblem("book_values", options.BookValues.Count,
                    $"{solution.Policy.Values.Length} values, one per state of {options.Environment.Name}")]);
        return options.BookValues.Zip(solution.Policy.Values, (a, b) => Math.Abs(a - b)).Max();
    }

    /// <summary>What a learner brought with one seed.</summary>
    /// <param name="Policy">Its policy.</param>
    /// <param name="Returns">Return of each episode.</param>
    /// <param name="Lengths">Length of each episode.</param>
    public sealed record Learned(SolvedPolicy Policy, double[] Returns, int[] Lengths)
    {
        internal IReadOnlyList<EpisodeRecord> Records() => [.. Returns.Zip(Lengths, (value, length) => new EpisodeRecord(value, length))];
    }
}
