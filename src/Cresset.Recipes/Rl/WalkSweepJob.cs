using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>Error on the 19-state walk by n (or lambda) and step size, as curves and beside the book's numbers.</summary>
[Part("rl-walk-sweep")]
public sealed class WalkSweepJob : IJob
{
    private const string Section = "sweep";

    /// <inheritdoc/>
    public string Name => "rl-walk-sweep";

    /// <inheritdoc/>
    public string Summary => "Error on the 19-state walk by n or lambda and step size.";

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => [new(Section, new WalkSweepOptions())];

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<WalkSweepOptions>(Section);
        (context.Recorder as Run)?.TruncateAfter(-1);
        var progress = new StudyProgress(context.Progress, options.Swept.Count * options.StepSizes.Count, "point");
        var points = new List<SweepPoint>();
        try
        {
            foreach (var point in Points(options, context.Cancellation))
            {
                points.Add(point);
                context.Recorder.Scalar($"error/{Letter(options.Method)}={point.Parameter.ToString(CultureInfo.InvariantCulture)}", (points.Count - 1) % options.StepSizes.Count, point.Mean);
                progress.Advance(string.Create(CultureInfo.InvariantCulture, $"{Letter(options.Method)} {point.Parameter} alpha {point.StepSize}: {point.Mean:0.000}"));
            }
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            return new JobOutcome(false, new Dictionary<string, double>(), []);
        }
        var best = points.MinBy(p => p.Mean);
        var metrics = new Dictionary<string, double> { ["best_error"] = best.Mean, ["best_parameter"] = best.Parameter, ["best_alpha"] = best.StepSize };
        foreach (var group in points.GroupBy(p => p.Parameter)) metrics[$"lowest/{Letter(options.Method)}={group.Key.ToString(CultureInfo.InvariantCulture)}"] = group.Min(p => p.Mean);
        BookComparison.Report(context, [.. Compared(options, points)], metrics);
        var path = context.Recorder.Picture("sweep", 0, Chart(options.Method, points, $"19-state walk, first {options.Episodes} episodes, {options.Runs} runs").ToPng());
        return new JobOutcome(true, metrics, path is null ? [] : [path]);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => throw new NotSupportedException($"A sweep is its own evaluation: see {BookComparison.FileName} and the picture in the run's folder.");

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => throw new NotSupportedException("A sweep does not generate anything to sample; its picture is in the run's folder.");

    /// <summary>The points of a sweep, one after the other.</summary>
    public static IEnumerable<SweepPoint> Points(WalkSweepOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var seed = (ulong)options.Seed;
        return options.Method switch
        {
            WalkMethod.NStep => RandomWalkSweep.NStep(options.Swept.Select(n => (int)n), options.StepSizes, options.Runs, options.Episodes, seed, cancellation),
            WalkMethod.Accumulating => RandomWalkSweep.Lambda(TraceKind.Accumulating, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed, cancellation),
            WalkMethod.Replacing => RandomWalkSweep.Lambda(TraceKind.Replacing, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed, cancellation),
            WalkMethod.TrueOnline => RandomWalkSweep.Lambda(TraceKind.TrueOnline, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed, cancellation),
            _ => RandomWalkSweep.Lambda(null, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed, cancellation),
        };
    }

    /// <summary>The sweep as curves over alpha, one for each value of n or lambda, with bands of 95 %.</summary>
    public static Chart Chart(WalkMethod method, IReadOnlyList<SweepPoint> points, string title)
    {
        ArgumentNullException.ThrowIfNull(points);
        var chart = new Chart(new() { Title = title, XLabel = "alpha", YLabel = "RMS error", Legend = LegendPlace.Outside });
        foreach (var group in points.GroupBy(p => p.Parameter))
        {
            double[] xs = [.. group.Select(p => p.StepSize)], ys = [.. group.Select(p => p.Mean)];
            double[] low = [.. group.Select(p => p.Mean - (1.96 * p.StandardError))], high = [.. group.Select(p => p.Mean + (1.96 * p.StandardError))];
            chart.Line<double, double>($"{Letter(method)} = {group.Key.ToString(CultureInfo.InvariantCulture)}", xs, ys).Band<double, double>(xs, low, high);
        }
        return chart.YLimits(0.2, 0.6);
    }

    private static IEnumerable<ComparedFigure> Compared(WalkSweepOptions options, List<SweepPoint> points)
    {
        foreach (var book in options.Book)
        {
            // Points that the recipe was told to leave out cannot be compared.
            foreach (var p in points.Where(p => p.Parameter == book.Parameter && Math.Abs(p.StepSize - book.StepSize) < 1e-9))
            {
                yield return new ComparedFigure(string.Create(CultureInfo.InvariantCulture, $"RMS error, {Letter(options.Method)} = {p.Parameter}, alpha {p.StepSize}"), p.Mean, p.StandardError, book.Value, book.Tolerance);
            }
        }
    }

    private static string Letter(WalkMethod method) => method == WalkMethod.NStep ? "n" : "lambda";
}
