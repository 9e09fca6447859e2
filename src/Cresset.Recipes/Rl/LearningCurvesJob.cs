using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>Learning curves of several methods with bands over runs, the policies they end with, and the book's figures.</summary>
[Part("rl-curves")]
public sealed class LearningCurvesJob : IJob
{
    private const string Section = "curves";

    /// <inheritdoc/>
    public string Name => "rl-curves";

    /// <inheritdoc/>
    public string Summary => "Learning curves of several methods on one environment, with bands over runs.";

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => [new(Section, new LearningCurvesOptions())];

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<LearningCurvesOptions>(Section);
        (context.Recorder as Run)?.TruncateAfter(-1);
        var progress = new StudyProgress(context.Progress, options.Methods.Count * options.Runs, "run");
        var curves = new List<(CurveMethod Method, IReadOnlyList<double[]> Runs, SolvedPolicy Policy)>();
        try
        {
            foreach (var method in options.Methods)
            {
                var runs = new List<double[]>();
                SolvedPolicy? policy = null;
                for (var run = 0; run < options.Runs; run++)
                {
                    var solution = RlSolver.Learned(options.Solve(method) with { Seed = options.Seed + run }, context.Cancellation);
                    policy ??= solution.Policy;
                    runs.Add([.. solution.Records.Select(r => Measured(options.Measure, r))]);
                    progress.Advance(method.Label);
                }
                curves.Add((method, runs, policy!));
            }
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return new JobOutcome(false, new Dictionary<string, double>(), []);
        }
        foreach (var (method, runs, _) in curves)
        {
            for (var e = 0; e < options.Episodes; e++) context.Recorder.Scalar($"{Word(options.Measure)}/{method.Label}", e, runs.Average(r => r[e]));
        }
        // The first method's policy can be played.
        curves[0].Policy.Save(context.Folder);
        var metrics = curves.ToDictionary(c => $"{Word(options.Measure)}_last_fifth/{c.Method.Label}", c => c.Runs.Average(r => r.TakeLast(Math.Max(1, r.Length / 5)).Average()));
        BookComparison.Report(context, [.. Compared(options, curves)], metrics);
        var pictures = new List<string>();
        void Keep(string tag, Figure figure)
        {
            if (context.Recorder.Picture(tag, 0, figure.ToPng()) is { } path) pictures.Add(path);
        }
        Keep("curves", Curves(options, curves));
        foreach (var (method, _, policy) in curves)
        {
            if (policy.Values.Length > 0 && EnvironmentCatalog.Find(options.Environment).Make() is IGridWorld world) Keep("policy-" + FileName(method.Label), RlFigures.Grid(world, policy, $"{options.Environment}, {method.Label}, one run"));
        }
        if (options.Measure == EpisodeMeasure.Length) Keep("episodes-by-step", EpisodesByStep(options, curves));
        return new JobOutcome(true, metrics, pictures);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => throw new NotSupportedException($"Learning curves are their own evaluation: see {BookComparison.FileName} and the pictures in the run's folder.");

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => throw new NotSupportedException("Learning curves do not generate anything to sample; 'cresset rl play' plays the first method's policy.");

    private static double Measured(EpisodeMeasure measure, EpisodeRecord record) => measure switch
    {
        EpisodeMeasure.Return => record.Return,
        EpisodeMeasure.Length => record.Length,
        _ => record.Length > 1 ? 1 : 0,
    };

    private static string Word(EpisodeMeasure measure) => measure switch { EpisodeMeasure.Return => "return", EpisodeMeasure.Length => "length", _ => "share_left" };

    private static IEnumerable<ComparedFigure> Compared(LearningCurvesOptions options, List<(CurveMethod Method, IReadOnlyList<double[]> Runs, SolvedPolicy Policy)> curves)
    {
        foreach (var book in options.Book.Where(b => b.To <= options.Episodes))
        {
            double[] values = [.. curves.First(c => c.Method.Label == book.Label).Runs.Select(r => r[(book.From - 1)..book.To].Average())];
            var where = book.From == book.To ? $"episode {book.From}" : $"episodes {book.From} to {book.To}";
            yield return new ComparedFigure($"{Word(options.Measure)}, {book.Label}, {where}", values.Average(), SeedBand.StandardError(values), book.Value, book.Tolerance);
        }
    }

    private static Chart Curves(LearningCurvesOptions options, List<(CurveMethod Method, IReadOnlyList<double[]> Runs, SolvedPolicy Policy)> curves)
    {
        var label = options.Measure switch { EpisodeMeasure.Return => "sum of rewards", EpisodeMeasure.Length => "steps", _ => "share of left" };
        var chart = new Chart(new()
        {
            Title = $"{options.Environment}, {options.Runs} runs" + (options.Window > 1 ? $", mean of {options.Window} episodes" : ""),
            XLabel = "episode",
            YLabel = label,
            LogY = options.LogY,
            Legend = options.Measure == EpisodeMeasure.Return ? LegendPlace.LowerRight : LegendPlace.UpperRight,
            Width = 900,
        });
        foreach (var (method, runs, _) in curves)
        {
            var band = SeedBand.Of(runs, options.Window);
            chart.Line<double, double>(method.Label, band.Xs, band.Mean).Band<double, double>(band.Xs, band.Low, band.High);
        }
        return options.YRange is { } y ? chart.YLimits(y.Low, y.High) : chart;
    }

    private static Chart EpisodesByStep(LearningCurvesOptions options, List<(CurveMethod Method, IReadOnlyList<double[]> Runs, SolvedPolicy Policy)> curves)
    {
        var chart = new Chart(new() { Title = string.Create(CultureInfo.InvariantCulture, $"{options.Environment}: the steeper, the shorter the episodes"), XLabel = "time steps (mean over runs)", YLabel = "episodes", Legend = LegendPlace.LowerRight, Width = 900 });
        foreach (var (method, runs, _) in curves)
        {
            double[] xs = new double[options.Episodes + 1], ys = new double[options.Episodes + 1];
            for (var e = 1; e <= options.Episodes; e++) (xs[e], ys[e]) = (xs[e - 1] + runs.Average(r => r[e - 1]), e);
            chart.Line<double, double>(method.Label, xs, ys);
        }
        return chart;
    }

    private static string FileName(string label) => string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')).Trim('-');
}
