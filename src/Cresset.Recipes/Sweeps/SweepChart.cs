using System.Globalization;
using Cresset.Plots;

namespace Cresset.Recipes;

/// <summary>The picture of a sweep.</summary>
public static class SweepChart
{
    /// <summary>
    /// Settings and the first figure as parallel coordinates, without settings that have none; null where no setting varies.
    /// </summary>
    public static Chart? Coordinates(IReadOnlyList<SweepRow> rows, string title)
    {
        ArgumentNullException.ThrowIfNull(rows);
        rows = [.. rows.Where(r => r.Figures.Count > 0)];
        if (rows.Count < 2 || rows[0].Overrides.Count == 0) return null;
        var figure = rows[0].Figures.Keys.First();
        if (rows.Any(r => !r.Figures.ContainsKey(figure))) return null;
        var axes =
            rows[0].Overrides.Select((o, i) => new CoordinateAxis(o.Split('=')[0], [.. rows.Select(r => r.Overrides[i].Split('=', 2)[1])]))
                .ToList();
        axes.Add(new CoordinateAxis(figure, [.. rows.Select(r => r.Figures[figure].Mean.ToString("R", CultureInfo.InvariantCulture))]));
        return ParallelCoordinatesChart.Create(axes, title);
    }

    /// <summary>
    /// The settings that a recipe compares as bars with 95 % intervals: differences from one of them where they can be paired, the figure
    /// itself otherwise; null for fewer than two settings.
    /// </summary>
    /// <param name="rows">Settings with names, in the order of the bars.</param>
    /// <param name="figure">What is compared.</param>
    /// <param name="against">The setting that differences are taken from; null for none.</param>
    /// <param name="title">Title.</param>
    public static Chart? Comparison(IReadOnlyList<SweepRow> rows, string figure, SweepRow? against, string title)
    {
        ArgumentNullException.ThrowIfNull(rows);
        rows = [.. rows.Where(r => r.Figures.ContainsKey(figure))];
        SweepRow[] others = against is null ? []
            : [.. rows.Where(r => r.Name != against.Name && r.DifferenceFrom(against, figure) is not null)];
        var isPaired = others.Length > 0;
        if (isPaired) rows = others;
        if (rows.Count < 2) return null;
        var bars = rows.Select(r => isPaired ? r.DifferenceFrom(against!, figure)!.Value : (r.Figures[figure].Mean, r.HalfWidth(figure)))
            .ToList();
        var (values, halves) = (bars.ConvertAll(b => b.Item1).ToArray(), bars.ConvertAll(b => b.Item2).ToArray());
        var chart = new Chart(new ChartOptions
        {
            Title = title,
            YLabel = isPaired ? $"{figure}, difference from {against!.Name}" : figure,
            Width = Math.Clamp(110 * rows.Count, 600, 1800),
            Height = 440,
            Legend = LegendPlace.None,
        }).Bars<double>([.. rows.Select(r => r.Name)], values, halves);
        if (isPaired) return chart.HorizontalLine(0);
        // Settings differ by little beside their distance from zero.
        var (low, high) = (bars.Min(b => b.Item1 - Finite(b.Item2)), bars.Max(b => b.Item1 + Finite(b.Item2)));
        var room = Math.Max((high - low) * 0.15, Math.Abs(high) * 1e-6);
        return chart.YLimits(low - room, high + room);
    }

    private static double Finite(double value) => double.IsFinite(value) ? value : 0;
}
