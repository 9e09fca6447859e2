using ScottPlot;
using ScottPlot.TickGenerators;

namespace Cresset.Plots;

public sealed partial class Chart
{
    private const float TitleSize = 18, LabelSize = 15, TickSize = 13;

    private void Style()
    {
        _plot.FigureBackground.Color = Colors.White;
        _plot.DataBackground.Color = Colors.White;
        _plot.Axes.Color(PlotColors.Axis);
        _plot.Grid.MajorLineColor = PlotColors.Grid;
        _plot.Axes.Right.FrameLineStyle.Width = 0;
        _plot.Axes.Top.FrameLineStyle.Width = 0;
        foreach (var axis in new IAxis[] { _plot.Axes.Bottom, _plot.Axes.Left })
        {
            axis.TickLabelStyle.FontSize = TickSize;
            axis.TickLabelStyle.ForeColor = PlotColors.Text;
            axis.TickLabelStyle.FontName = PlotFont.Name;
            axis.MinorTickStyle.Length = 0;
        }
        Words(_plot.Axes.Bottom.Label, _options.XLabel, LabelSize, bold: false);
        Words(_plot.Axes.Left.Label, _options.YLabel, LabelSize, bold: false);
        if (_options.Title.Length > 0) _plot.Title(_options.Title);
        Words(_plot.Axes.Title.Label, _options.Title, TitleSize, bold: true);
        if (_options.LogX) (_plot.Axes.Bottom.TickGenerator, _plot.Axes.Bottom.MinorTickStyle.Length) = (new LogTicks(), 3);
        if (_options.LogY) (_plot.Axes.Left.TickGenerator, _plot.Axes.Left.MinorTickStyle.Length) = (new LogTicks(), 3);
        foreach (var axis in new[] { (ScottPlot.AxisPanels.AxisBase)_plot.Axes.Left, (ScottPlot.AxisPanels.AxisBase)_plot.Axes.Bottom })
        {
            axis.PaddingOutsideAxisLabels = new PixelPadding(6);
            axis.PaddingBetweenTickAndAxisLabels = new PixelPadding(6);
        }
    }

    private static void Words(LabelStyle label, string text, float size, bool bold)
    {
        label.Text = text;
        label.FontSize = size;
        label.Bold = bold;
        label.ForeColor = PlotColors.Text;
        label.FontName = PlotFont.Name;
    }

    private Plot Finished()
    {
        if (!_named || _options.Legend == LegendPlace.None)
        {
            _plot.HideLegend();
            return _plot;
        }
        var legend = _plot.Legend;
        legend.FontName = PlotFont.Name;
        legend.FontSize = TickSize;
        legend.FontColor = PlotColors.Text;
        legend.OutlineColor = PlotColors.Grid;
        legend.BackgroundColor = Colors.White.WithAlpha(0.85);
        legend.ShadowColor = Colors.Transparent;
        if (_options.Legend == LegendPlace.Outside)
        {
            _plot.HideLegend();
            if (!_plot.Axes.GetPanels().OfType<ScottPlot.Panels.LegendPanel>().Any()) _plot.ShowLegend(Edge.Right);
            return _plot;
        }
        _plot.ShowLegend(_options.Legend switch
        {
            LegendPlace.UpperLeft => Alignment.UpperLeft,
            LegendPlace.LowerLeft => Alignment.LowerLeft,
            LegendPlace.LowerRight => Alignment.LowerRight,
            _ => Alignment.UpperRight,
        });
        return _plot;
    }

    private void NeedsLinearAxes(string what)
    {
        if (_options.LogX || _options.LogY) throw new InvalidOperationException($"{what} need linear axes; leave LogX and LogY off.");
    }

    // Cells have edges of their own.
    private void HideFrame()
    {
        _plot.HideGrid();
        _plot.Axes.Left.FrameLineStyle.Width = 0;
        _plot.Axes.Bottom.FrameLineStyle.Width = 0;
    }

    private static void Categories(IReadOnlyList<string> names, IAxis axis, Func<int, double> position)
    {
        var ticks = new NumericManual();
        for (var i = 0; i < names.Count; i++) ticks.AddMajor(position(i), names[i]);
        axis.TickGenerator = ticks;
        axis.MajorTickStyle.Length = 0;
    }
}
