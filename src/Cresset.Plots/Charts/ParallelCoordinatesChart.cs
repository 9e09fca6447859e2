using System.Globalization;

namespace Cresset.Plots;

/// <summary>An axis of parallel coordinates.</summary>
/// <param name="Name">What is below it.</param>
/// <param name="Values">Its value in each row, as text: numbers where all of them are, names otherwise.</param>
public sealed record CoordinateAxis(string Name, IReadOnlyList<string> Values);

/// <summary>Draws settings and what came of them: an axis for each setting, a line for each row, coloured by the last axis.</summary>
public static class ParallelCoordinatesChart
{
    // Values that span more than this can be told apart on a logarithmic axis alone.
    private const double LogSpan = 20;

    /// <summary>The chart; numbers that are positive and span more than a factor of 20 stand on a logarithmic axis.</summary>
    /// <param name="axes">At least two, each with a value for every row; the last is the figure.</param>
    /// <param name="title">Title.</param>
    /// <exception cref="ArgumentException">There are fewer axes, or their numbers of values differ.</exception>
    public static Chart Create(IReadOnlyList<CoordinateAxis> axes, string title = "")
    {
        ArgumentNullException.ThrowIfNull(axes);
        if (axes.Count < 2) throw new ArgumentException($"There are {axes.Count} axes; at least two are needed.", nameof(axes));
        var rows = axes[0].Values.Count;
        if (rows == 0 || axes.Any(a => a.Values.Count != rows))
            throw new ArgumentException("Every axis needs a value for every row, and there must be a row.", nameof(axes));
        var chart = new Chart(
            new ChartOptions { Title = title, Width = Math.Clamp(220 * axes.Count, 520, 1800), Height = 480, Legend = LegendPlace.None });
        var places = axes.Select(Places).ToList();
        for (var row = 0; row < rows; row++)
        {
            var heights = places.ConvertAll(p => p.Heights[row]);
            chart.CoordinateLine(heights, heights[^1]);
        }
        chart.CoordinateAxes([.. axes.Select(a => a.Name)], [.. places.Select(p => p.Labels)]);
        return chart;
    }

    // Heights from 0 to 1, NaN for what is not a number among numbers, and the labels beside an axis.
    private static (double[] Heights, IReadOnlyList<(double Height, string Text)> Labels) Places(CoordinateAxis axis)
    {
        var numbers =
            axis.Values.Select(
                v => double.TryParse(v, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : (double?)null)
                .ToList();
        if (numbers.Exists(n => n is null))
        {
            var names = axis.Values.Distinct().ToList();
            double Height(string name) => names.Count == 1 ? 0.5 : (double)names.IndexOf(name) / (names.Count - 1);
            return ([.. axis.Values.Select(Height)], [.. names.Select(name => (Height(name), name))]);
        }
        var finite = numbers.ConvertAll(n => n!.Value).Where(double.IsFinite).ToList();
        if (finite.Count == 0) return ([.. numbers.Select(_ => double.NaN)], []);
        var (low, high) = (finite.Min(), finite.Max());
        var isLog = low > 0 && high / low > LogSpan;
        double Scaled(double value) => isLog ? Math.Log(value) : value;
        double At(double value) =>
            !double.IsFinite(value) ? double.NaN : high == low ? 0.5 : (Scaled(value) - Scaled(low)) / (Scaled(high) - Scaled(low));
        // Few values are all named; of many the ends.
        var shown = finite.Distinct().Order().ToList();
        if (shown.Count > 6) shown = [low, high];
        return ([.. numbers.Select(n => At(n!.Value))],
            [.. shown.Select(value => (At(value), value.ToString("G4", CultureInfo.InvariantCulture)))]);
    }
}
