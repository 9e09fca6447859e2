using System.Diagnostics;
using System.Globalization;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A line every few seconds while a planner works: how many sweeps, and how much the values still change.</summary>
internal sealed class PlanningProgress(IProgress<TrainingReport>? progress, RlSolveOptions options)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _last;
    private double[] _values = [];

    public void Advance(int iteration, IReadOnlyList<double> values)
    {
        if (progress is null || _watch.Elapsed - _last < Pause) return;
        _last = _watch.Elapsed;
        var change = 0.0;
        for (var s = 0; s < _values.Length; s++) change = Math.Max(change, Math.Abs(values[s] - _values[s]));
        var text = _values.Length == 0 ? ""
            : string.Create(CultureInfo.InvariantCulture,
                $"; the values changed by {change:0.###e+0} in the last two seconds (they may by {options.Tolerance:0.#e+0} in a sweep at "
                    + $"the end)");
        _values = [.. values];
        progress.Report(
            new NoticeReport(
                string.Create(CultureInfo.InvariantCulture,
                    $"{options.Method}: sweep {iteration} of at most {options.MaxIterations}{text}.")));
    }
}
