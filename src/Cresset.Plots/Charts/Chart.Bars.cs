using System.Numerics;
using ScottPlot;

namespace Cresset.Plots;

public sealed partial class Chart
{
    /// <summary>One bar for each category, from zero.</summary>
    /// <param name="categories">Names below the bars.</param>
    /// <param name="values">Heights.</param>
    /// <param name="errors">Half lengths of error bars, as many, or empty.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Bars<T>(IReadOnlyList<string> categories, ReadOnlySpan<T> values, ReadOnlySpan<T> errors = default)
        where T : struct, INumber<T>
        => GroupedBars(categories, [""], values, errors);

    /// <summary>Groups of bars: one group for each category, in it one bar for each series.</summary>
    /// <param name="categories">Names below the groups.</param>
    /// <param name="names">Names of the series, in the legend.</param>
    /// <param name="values">Heights <c>[series, category]</c> in row order.</param>
    /// <param name="errors">Half lengths of error bars in the same order, or empty.</param>
    /// <exception cref="ArgumentException">There are not as many values as categories times series.</exception>
    /// <exception cref="InvalidOperationException">An axis is logarithmic.</exception>
    public Chart GroupedBars<T>(IReadOnlyList<string> categories, IReadOnlyList<string> names, ReadOnlySpan<T> values,
        ReadOnlySpan<T> errors = default)
        where T : struct, INumber<T>
    {
        ArgumentNullException.ThrowIfNull(categories);
        ArgumentNullException.ThrowIfNull(names);
        NeedsLinearAxes("Bars");
        var (heights, halves) = (Numbers(values), Numbers(errors));
        SameLength(categories.Count * names.Count, heights.Length, nameof(categories), nameof(values));
        if (halves.Length > 0) SameLength(heights.Length, halves.Length, nameof(values), nameof(errors));
        var width = 0.8 / names.Count;
        for (var series = 0; series < names.Count; series++)
        {
            var color = Color(null);
            var bars = new List<Bar>();
            for (var category = 0; category < categories.Count; category++)
            {
                var at = (series * categories.Count) + category;
                if (!double.IsFinite(heights[at])) continue;
                bars.Add(new Bar
                {
                    Position = category + ((series - ((names.Count - 1) / 2.0)) * width),
                    Value = heights[at],
                    Size = width * 0.94,
                    FillColor = color,
                    Error = halves.Length > 0 && double.IsFinite(halves[at]) ? halves[at] : 0,
                    ErrorSize = width / 3,
                    LineColor = PlotColors.Text,
                    LineWidth = halves.Length > 0 ? 1.5f : 0,
                });
            }
            var plot = _plot.Add.Bars(bars);
            string? name = names[series];
            Name(text => plot.LegendText = text, ref name);
        }
        Categories(categories, _plot.Axes.Bottom, i => i);
        _plot.Grid.XAxisStyle.IsVisible = false;
        _plot.Axes.SetLimitsX(-0.6, categories.Count - 0.4);
        if (heights.All(height => !(height < 0))) _plot.Axes.Margins(bottom: 0, top: 0.12);
        return this;
    }

    /// <summary>How often values fall into bins of equal width.</summary>
    /// <param name="name">Name in the legend, or null.</param>
    /// <param name="values">The values; those that are not finite are left out.</param>
    /// <param name="bins">Number of bins, or 0 for the square root of the number of values, between 5 and 60.</param>
    /// <param name="density">Areas that add to one instead of counts.</param>
    /// <exception cref="InvalidOperationException">An axis is logarithmic.</exception>
    public Chart Histogram<T>(string? name, ReadOnlySpan<T> values, int bins = 0, bool density = false)
        where T : struct, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bins);
        NeedsLinearAxes("Histograms");
        var finite = Numbers(values).Where(double.IsFinite).ToArray();
        if (finite.Length == 0) return this;
        if (bins == 0) bins = Math.Clamp((int)Math.Sqrt(finite.Length), 5, 60);
        var (min, max) = (finite.Min(), finite.Max());
        if (min == max) (min, max) = (min - 0.5, max + 0.5);
        var width = (max - min) / bins;
        var counts = new double[bins];
        foreach (var value in finite) counts[Math.Clamp((int)((value - min) / width), 0, bins - 1)]++;
        var color = Color(null);
        var bars = counts.Select((count, i) => new Bar
        {
            Position = min + ((i + 0.5) * width),
            Value = density ? count / (finite.Length * width) : count,
            Size = width,
            FillColor = color.WithAlpha(0.7),
            LineWidth = 0.7f,
            LineColor = Colors.White,
        }).ToList();
        var plot = _plot.Add.Bars(bars);
        Name(text => plot.LegendText = text, ref name);
        _plot.Axes.Margins(bottom: 0, top: 0.1);
        return this;
    }
}
