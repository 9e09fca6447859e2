using ScottPlot;

namespace Cresset.Plots;

public sealed partial class Chart
{
    /// <summary>A row of parallel coordinates: heights from 0 to 1 over the axes 0, 1, ...; the colour is a place on a scale.</summary>
    internal void CoordinateLine(IReadOnlyList<double> heights, double color)
    {
        var xs = Enumerable.Range(0, heights.Count).Select(i => (double)i).ToArray();
        var shade = double.IsFinite(color) ? ColorMap.Of(ColorScale.Viridis).GetColor(0.9 * color) : PlotColors.Axis;
        Draw(null, xs, [.. heights], shade.WithAlpha(0.8), 2, LinePattern.Solid, markers: true);
    }

    /// <summary>The axes themselves, with names below and values beside them.</summary>
    internal void CoordinateAxes(IReadOnlyList<string> names, IReadOnlyList<IReadOnlyList<(double Height, string Text)>> labels)
    {
        for (var i = 0; i < names.Count; i++)
        {
            _plot.Add.ScatterLine(new double[] { i, i }, new double[] { 0, 1 }, PlotColors.Axis).LineWidth = 1;
            foreach (var (height, text) in labels[i])
            {
                var word = _plot.Add.Text(text, i + 0.02, height);
                (word.LabelFontSize, word.LabelFontName, word.LabelFontColor, word.Alignment) = (TickSize, PlotFont.Name, PlotColors.Text,
                    Alignment.LowerLeft);
            }
        }
        _plot.Axes.Bottom.SetTicks([.. Enumerable.Range(0, names.Count).Select(i => (double)i)], [.. names]);
        _plot.Axes.Left.IsVisible = false;
        _plot.HideGrid();
        _plot.Axes.SetLimits(-0.25, names.Count - 0.6, -0.06, 1.1);
    }
}
