using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Error on the 19-state walk by n (or lambda) and step size, as curves and beside the book's numbers.</summary>
[Part("rl-walk-sweep")]
public sealed class WalkSweepJob : StudyJob<WalkSweepOptions, WalkSweepJob.Row>
{
    /// <inheritdoc/>
    public override string Name => "rl-walk-sweep";

    /// <inheritdoc/>
    public override string Summary => "Error on the 19-state walk by n or lambda and step size.";

    /// <inheritdoc/>
    protected override string Section => "sweep";

    /// <inheritdoc/>
    protected override string CellWord => "value";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(WalkSweepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. options.Swept.Select(p => $"{Letter(options.Method)}={p.ToString(CultureInfo.InvariantCulture)}")];
    }

    /// <inheritdoc/>
    protected override Row Measure(WalkSweepOptions options, StudyCell<Row> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        List<SweepPoint> points = [.. Points(options with { Parameters = [options.Swept[cell.Index]] }, cell.Cancellation)];
        foreach (var (index, point) in points.Index()) cell.Scalar($"error/{cell.Name}", index, point.Mean);
        cell.Figures = string.Create(CultureInfo.InvariantCulture, $"{cell.Name}: lowest error {points.Min(p => p.Mean):0.000}");
        return new Row(points);
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, WalkSweepOptions options, IReadOnlyList<Row> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        List<SweepPoint> points = [.. cells.SelectMany(c => c.Points)];
        var best = points.MinBy(p => p.Mean);
        var metrics = new Dictionary<string, double>
        {
            ["best_error"] = best.Mean,
            ["best_parameter"] = best.Parameter,
            ["best_alpha"] = best.StepSize
        };
        foreach (var group in points.GroupBy(p => p.Parameter))
            metrics[$"lowest/{Letter(options.Method)}={group.Key.ToString(CultureInfo.InvariantCulture)}"] = group.Min(p => p.Mean);
        var table = BookComparison.Report(context, [.. Compared(options, points)], metrics);
        var path = context.Recorder.Picture("sweep", 0,
            Chart(options.Method, points, $"19-state walk, first {options.Episodes} episodes, {options.Runs} runs").ToPng());
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = table };
    }

    /// <summary>The points of a sweep, one after the other.</summary>
    public static IEnumerable<SweepPoint> Points(WalkSweepOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var seed = (ulong)options.Seed;
        return options.Method switch
        {
            WalkMethod.NStep =>
                RandomWalkSweep.NStep(options.Swept.Select(n => (int)n), options.StepSizes, options.Runs, options.Episodes, seed,
                    cancellation),
            WalkMethod.Accumulating =>
                RandomWalkSweep.Lambda(TraceKind.Accumulating, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed,
                    cancellation),
            WalkMethod.Replacing =>
                RandomWalkSweep.Lambda(TraceKind.Replacing, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed,
                    cancellation),
            WalkMethod.TrueOnline =>
                RandomWalkSweep.Lambda(TraceKind.TrueOnline, options.Swept, options.StepSizes, options.Runs, options.Episodes, seed,
                    cancellation),
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
            double[] low = [.. group.Select(p => p.Mean - (1.96 * p.StandardError))],
                high = [.. group.Select(p => p.Mean + (1.96 * p.StandardError))];
            chart.Line<double, double>($"{Letter(method)} = {group.Key.ToString(CultureInfo.InvariantCulture)}", xs, ys)
                .Band<double, double>(xs, low, high);
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
                yield return new ComparedFigure(
                    string.Create(CultureInfo.InvariantCulture, $"RMS error, {Letter(options.Method)} = {p.Parameter}, alpha {p.StepSize}"),
                    p.Mean, p.StandardError, book.Value, book.Tolerance);
            }
        }
    }

    private static string Letter(WalkMethod method) => method == WalkMethod.NStep ? "n" : "lambda";

    /// <summary>All step sizes of one value.</summary>
    /// <param name="Points">A point for each step size.</param>
    public sealed record Row(IReadOnlyList<SweepPoint> Points);
}
