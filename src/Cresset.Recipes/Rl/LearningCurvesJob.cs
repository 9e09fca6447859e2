using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Learning curves of several methods with bands over runs, the policies they end with, and the book's figures.</summary>
[Part("rl-curves")]
internal sealed class LearningCurvesJob : StudyJob<LearningCurvesOptions, LearningCurvesJob.Curve>
{
    /// <inheritdoc/>
    public override string Name => "rl-curves";

    /// <inheritdoc/>
    public override string Summary => "Learning curves of several methods on one environment, with bands over runs.";

    /// <inheritdoc/>
    protected override string Section => "curves";

    /// <inheritdoc/>
    protected override string CellWord => "method";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(LearningCurvesOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. options.Methods.Select(m => m.Name)];
    }

    /// <inheritdoc/>
    protected override Curve Measure(LearningCurvesOptions options, StudyCell<Curve> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        var runs = new List<double[]>();
        SolvedPolicy? policy = null;
        for (var run = 0; run < options.Runs; run++)
        {
            var solution = RlSolver.Learned(options.Solve(options.Methods[cell.Index]) with { Seed = options.Seed + run },
                cell.Cancellation);
            policy ??= solution.Policy;
            runs.Add([.. solution.Records.Select(r => Measured(options.Measure, r))]);
        }
        for (var e = 0; e < options.Episodes; e++) cell.Scalar($"{Word(options.Measure)}/{cell.Name}", e, runs.Average(r => r[e]));
        cell.Figures = cell.Name;
        return new Curve(cell.Name, runs, policy!);
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, LearningCurvesOptions options, IReadOnlyList<Curve> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        var curves = cells;
        // The first method's policy can be played.
        curves[0].Policy.Save(context.Folder);
        var metrics = curves.ToDictionary(c => $"{Word(options.Measure)}_last_fifth/{c.Method}",
            c => c.Runs.Average(r => r.TakeLast(Math.Max(1, r.Length / 5)).Average()));
        var table = BookComparison.Report(context, [.. Compared(options, curves)], metrics);
        var pictures = new List<string>();
        void Keep(string tag, Figure figure)
        {
            if (context.Recorder.Picture(tag, 0, figure.ToPng()) is { } path) pictures.Add(path);
        }
        Keep("curves", Curves(options, curves));
        foreach (var (method, _, policy) in curves)
        {
            if (policy.Values.Length > 0 && options.Environment.Make() is IGridWorld world)
                Keep("policy-" + FileName(method), RlFigures.Grid(world, policy, $"{options.Environment.Name}, {method}, one run"));
        }
        if (options.Measure == EpisodeMeasure.Length) Keep("episodes-by-step", EpisodesByStep(options, curves));
        return new JobOutcome(true, metrics, pictures) { Table = table };
    }

    private static double Measured(EpisodeMeasure measure, EpisodeRecord record) => measure switch
    {
        EpisodeMeasure.Return => record.Return,
        EpisodeMeasure.Length => record.Length,
        _ => record.Length > 1 ? 1 : 0,
    };

    private static string Word(EpisodeMeasure measure) =>
        measure switch { EpisodeMeasure.Return => "return", EpisodeMeasure.Length => "length", _ => "share_left" };

    private static IEnumerable<ComparedFigure> Compared(LearningCurvesOptions options, IReadOnlyList<Curve> curves)
    {
        foreach (var book in options.Book.Where(b => b.To <= options.Episodes))
        {
            double[] values = [.. curves.First(c => c.Method == book.Label).Runs.Select(r => r[(book.From - 1)..book.To].Average())];
            var where = book.From == book.To ? $"episode {book.From}" : $"episodes {book.From} to {book.To}";
            yield return new ComparedFigure($"{Word(options.Measure)}, {book.Label}, {where}", values.Average(),
                SeedBand.StandardError(values), book.Value, book.Tolerance);
        }
    }

    private static Chart Curves(LearningCurvesOptions options, IReadOnlyList<Curve> curves)
    {
        var label = options.Measure switch
        {
            EpisodeMeasure.Return => "sum of rewards",
            EpisodeMeasure.Length => "steps",
            _ => "share of left",
        };
        var chart = new Chart(new()
        {
            Title = $"{options.Environment.Name}, {options.Runs} runs" + (options.Window > 1 ? $", mean of {options.Window} episodes" : ""),
            XLabel = "episode",
            YLabel = label,
            LogY = options.LogY,
            Legend = options.Measure == EpisodeMeasure.Return ? LegendPlace.LowerRight : LegendPlace.UpperRight,
            Width = 900,
        });
        foreach (var (method, runs, _) in curves)
        {
            var band = SeedBand.Of(runs, options.Window);
            chart.Line<double, double>(method, band.Xs, band.Mean).Band<double, double>(band.Xs, band.Low, band.High);
        }
        return options.YRange is { } y ? chart.YLimits(y.Low, y.High) : chart;
    }

    private static Chart EpisodesByStep(LearningCurvesOptions options, IReadOnlyList<Curve> curves)
    {
        var chart = new Chart(
            new()
            {
                Title =
                string.Create(CultureInfo.InvariantCulture, $"{options.Environment.Name}: the steeper, the shorter the episodes"),
                XLabel = "time steps (mean over runs)",
                YLabel = "episodes",
                Legend = LegendPlace.LowerRight,
                Width = 900
            });
        foreach (var (method, runs, _) in curves)
        {
            double[] xs = new double[options.Episodes + 1], ys = new double[options.Episodes + 1];
            for (var e = 1; e <= options.Episodes; e++) (xs[e], ys[e]) = (xs[e - 1] + runs.Average(r => r[e - 1]), e);
            chart.Line<double, double>(method, xs, ys);
        }
        return chart;
    }

    private static string FileName(string label) =>
        string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')).Trim('-');

    /// <summary>The curve of a method.</summary>
    /// <param name="Method">Its label.</param>
    /// <param name="Runs">The measure of each episode, one list per run.</param>
    /// <param name="Policy">The policy that the first run ended with.</param>
    public sealed record Curve(string Method, IReadOnlyList<double[]> Runs, SolvedPolicy Policy);
}
