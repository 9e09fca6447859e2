using System.Globalization;
using System.Numerics;
using Cresset.Numerics;
using ScottPlot;

namespace Cresset.Plots;

public sealed partial class Chart
{
    /// <summary>
    /// A table of values as coloured cells, row 0 on top. Cell (row, column) has its middle at x = column, y = -row, so that
    /// <see cref="Arrows"/> and <see cref="Path"/> can be laid over it.
    /// </summary>
    /// <param name="values">Values <c>[rows, columns]</c> in row order; cells that are not finite stay gray.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="options">Colours, texts, names of rows and columns.</param>
    /// <exception cref="ArgumentException">There are not rows x columns values (or texts, or names).</exception>
    public Chart HeatMap<T>(ReadOnlySpan<T> values, int rows, int columns, HeatMapOptions? options = null)
        where T : struct, INumber<T>
    {
        options = (options ?? new HeatMapOptions()).ThrowIfInvalid();
        NeedsLinearAxes("Heat maps");
        var table = Table(values, rows, columns);
        if (options.CellTexts is { } texts) SameLength(rows * columns, texts.Count, nameof(values), nameof(options.CellTexts));
        var map = Colored(table, options);
        map.Extent = null;
        map.CellAlignment = Alignment.MiddleCenter;
        map.Rectangle = new CoordinateRect(-0.5, columns - 0.5, -rows + 0.5, 0.5);
        if (options.ShowValues || options.CellTexts is not null) CellTexts(table, options, map);
        Names(options.ColumnLabels, columns, _plot.Axes.Bottom, i => i);
        Names(options.RowLabels, rows, _plot.Axes.Left, i => -i);
        HideFrame();
        CellEdges(rows, columns);
        _plot.Axes.SetLimits(-0.5, columns - 0.5, -rows + 0.5, 0.5);
        _plot.Axes.SquareUnits();
        return this;
    }

    /// <summary>A function of two variables as a smooth field of colours.</summary>
    /// <param name="values">Values <c>[rows, columns]</c> in row order; row 0 belongs to the smallest y, column 0 to the smallest
    /// x.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="area">Where the values were taken: the first and last points of the grid.</param>
    /// <param name="options">Colours.</param>
    /// <exception cref="ArgumentException">There are not rows x columns values.</exception>
    public Chart Surface<T>(ReadOnlySpan<T> values, int rows, int columns, PlotArea area, HeatMapOptions? options = null)
        where T : struct, INumber<T>
    {
        options = (options ?? new HeatMapOptions()).ThrowIfInvalid();
        NeedsLinearAxes("Surfaces");
        var map = Colored(Table(values, rows, columns), options);
        map.FlipVertically = true;
        map.Smooth = true;
        var (dx, dy) = ((area.XMax - area.XMin) / Math.Max(1, columns - 1) / 2, (area.YMax - area.YMin) / Math.Max(1, rows - 1) / 2);
        map.Rectangle = new CoordinateRect(area.XMin - dx, area.XMax + dx, area.YMin - dy, area.YMax + dy);
        HideFrame();
        _plot.Axes.SetLimits(area.XMin, area.XMax, area.YMin, area.YMax);
        return this;
    }

    /// <summary>Lines of equal value of a function of two variables.</summary>
    /// <param name="values">Values <c>[rows, columns]</c> in row order; row 0 belongs to the smallest y, column 0 to the smallest
    /// x.</param>
    /// <param name="rows">Number of rows, at least 2.</param>
    /// <param name="columns">Number of columns, at least 2.</param>
    /// <param name="area">Where the values were taken: the first and last points of the grid.</param>
    /// <param name="levels">The values to draw lines for, or empty for twelve at equal shares of the grid's points.</param>
    /// <exception cref="ArgumentException">There are not rows x columns values.</exception>
    public Chart Contours<T>(ReadOnlySpan<T> values, int rows, int columns, PlotArea area, ReadOnlySpan<double> levels = default)
        where T : struct, INumber<T>
    {
        var table = Table(values, rows, columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 2);
        foreach (var level in levels.IsEmpty ? ContourLevels.EqualShares(table, 12) : levels.ToArray())
        {
            foreach (var line in ContourLevels.Trace(table, area, level))
            {
                var drawn = _plot.Add.ScatterLine(line.Select(point => new Coordinates(X(point.X), Y(point.Y))).ToArray(),
                    PlotColors.Text.WithAlpha(0.45));
                drawn.LineWidth = 1;
            }
        }
        if (!_plot.Axes.LimitsHaveBeenSet) _plot.Axes.SetLimits(X(area.XMin), X(area.XMax), Y(area.YMin), Y(area.YMax));
        return this;
    }

    /// <summary>The way of an optimizer, particle or agent: a line with its start as a circle and its end as a diamond.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Path<T>(string? name, ReadOnlySpan<T> xs, ReadOnlySpan<T> ys, int? color = null)
        where T : struct, INumber<T>
    {
        var (x, y) = (Numbers(xs), Numbers(ys));
        SameLength(x.Length, y.Length, nameof(xs), nameof(ys));
        if (x.Length == 0) return this;
        var tint = Color(color);
        // A white rim keeps the line apart from any colours below it.
        Draw(null, x, y, Colors.White.WithAlpha(0.8), 4.5f, LinePattern.Solid, false);
        Draw(name, x, y, tint, 2.2f, LinePattern.Solid, false);
        foreach (var (i, shape) in new[] { (0, MarkerShape.FilledCircle), (x.Length - 1, MarkerShape.FilledDiamond) })
        {
            if (!Shown(x[i], y[i])) continue;
            var mark = _plot.Add.Marker(X(x[i]), Y(y[i]), shape, shape == MarkerShape.FilledDiamond ? 13 : 9, tint);
            (mark.MarkerStyle.OutlineWidth, mark.MarkerStyle.OutlineColor) = (1.2f, Colors.White);
        }
        return this;
    }

    /// <summary>Arrows, such as the actions of a policy over a heat map (there x = column, y = -row).</summary>
    /// <param name="xs">Middles of the arrows.</param>
    /// <param name="ys">Middles of the arrows.</param>
    /// <param name="dxs">Lengths to the right.</param>
    /// <param name="dys">Lengths upwards.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Arrows<T>(ReadOnlySpan<T> xs, ReadOnlySpan<T> ys, ReadOnlySpan<T> dxs, ReadOnlySpan<T> dys)
        where T : struct, INumber<T>
    {
        var (x, y, dx, dy) = (Numbers(xs), Numbers(ys), Numbers(dxs), Numbers(dys));
        SameLength(x.Length, y.Length, nameof(xs), nameof(ys));
        SameLength(x.Length, dx.Length, nameof(xs), nameof(dxs));
        SameLength(x.Length, dy.Length, nameof(xs), nameof(dys));
        for (var i = 0; i < x.Length; i++)
        {
            if (!Shown(x[i], y[i]) || (dx[i] == 0 && dy[i] == 0)) continue;
            var arrow = _plot.Add.Arrow(x[i] - (dx[i] / 2), y[i] - (dy[i] / 2), x[i] + (dx[i] / 2), y[i] + (dy[i] / 2));
            arrow.ArrowFillColor = PlotColors.Text;
            (arrow.ArrowLineWidth, arrow.ArrowLineColor) = (1, Colors.White);
            (arrow.ArrowWidth, arrow.ArrowheadWidth, arrow.ArrowheadLength, arrow.ArrowheadAxisLength) = (3, 11, 11, 11);
        }
        return this;
    }

    private ScottPlot.Plottables.Heatmap Colored(double[,] table, HeatMapOptions options)
    {
        var finite = table.Cast<double>().Where(double.IsFinite).ToList();
        var empty = finite.Count == 0;
        if (empty) finite.Add(0);
        var (min, max) = (options.Minimum ?? finite.Min(), options.Maximum ?? finite.Max());
        // The middle colour of a signed scale means zero unless the ends are given.
        if (options is { Colors: ColorScale.Diverging, Minimum: null, Maximum: null })
            max = -(min = -Math.Max(Math.Abs(min), Math.Abs(max)));
        if (!(min < max)) max = min + 1;
        for (var i = 0; i < table.GetLength(0); i++)
        {
            for (var j = 0; j < table.GetLength(1); j++)
            {
                if (!double.IsFinite(table[i, j])) table[i, j] = double.NaN;
            }
        }
        // The library cannot draw a table without any number.
        var map = _plot.Add.Heatmap(empty ? new double[table.GetLength(0), table.GetLength(1)] : table);
        map.Colormap = empty ? ColorMap.Nothing : ColorMap.Of(options.Colors);
        map.ManualRange = new ScottPlot.Range(min, max);
        map.NaNCellColor = PlotColors.Grid;
        if (options.ColorBar)
        {
            var bar = _plot.Add.ColorBar(map);
            bar.Axis.TickLabelStyle.FontName = PlotFont.Name;
            bar.Axis.TickLabelStyle.FontSize = TickSize;
            bar.Axis.TickLabelStyle.ForeColor = PlotColors.Text;
            bar.Axis.MinorTickStyle.Length = 0;
            bar.Axis.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { TickDensity = 0.5 };
            Words(bar.LabelStyle, options.ColorBarLabel, LabelSize, bold: false);
        }
        return map;
    }

    // A thin edge tells empty cells from the paper; very small cells would vanish under it.
    private void CellEdges(int rows, int columns)
    {
        if (Math.Min(_options.Width * 0.75 / columns, _options.Height * 0.75 / rows) < 14) return;
        for (var i = 0; i <= rows; i++) Edge(-0.5, 0.5 - i, columns - 0.5, 0.5 - i);
        for (var j = 0; j <= columns; j++) Edge(j - 0.5, 0.5, j - 0.5, 0.5 - rows);

        void Edge(double x1, double y1, double x2, double y2)
        {
            var line = _plot.Add.Line(x1, y1, x2, y2);
            (line.LineColor, line.LineWidth, line.MarkerSize) = (PlotColors.Grid, 1, 0);
        }
    }

    private void CellTexts(double[,] table, HeatMapOptions options, ScottPlot.Plottables.Heatmap map)
    {
        var (rows, columns) = (table.GetLength(0), table.GetLength(1));
        var range = map.ManualRange!.Value;
        var cell = Math.Min(_options.Width * 0.75 / columns, _options.Height * 0.75 / rows);
        var texts = options.CellTexts
            ?? [.. table.Cast<double>()
                .Select(value => double.IsNaN(value) ? "" : value.ToString(options.ValueFormat, CultureInfo.InvariantCulture))];
        var longest = Math.Max(3, texts.SelectMany(text => text.Split('\n')).Max(line => line.Length));
        var size = (float)Math.Clamp(cell / (0.72 * longest), 6, 15);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                var text = _plot.Add.Text(texts[(i * columns) + j], j, -i);
                text.LabelFontName = PlotFont.Name;
                text.LabelFontSize = size;
                text.LabelAlignment = Alignment.MiddleCenter;
                var fill = double.IsNaN(table[i, j]) ? PlotColors.Grid
                    : map.Colormap.GetColor(Math.Clamp((table[i, j] - range.Min) / (range.Max - range.Min), 0, 1));
                text.LabelFontColor = PlotColors.Readable(fill);
            }
        }
    }

    private static void Names(IReadOnlyList<string>? names, int count, IAxis axis, Func<int, double> position)
    {
        if (names is not null) SameLength(count, names.Count, "the heat map", nameof(names));
        // Numbers that would overlap are thinned out.
        var every = names is null ? Math.Max(1, count / 20) : 1;
        Categories(names ?? [.. Enumerable.Range(0, count).Select(i => i % every == 0 ? i.ToString(CultureInfo.InvariantCulture) : "")],
            axis, position);
    }

    private static double[,] Table<T>(ReadOnlySpan<T> values, int rows, int columns)
        where T : struct, INumber<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if ((long)rows * columns != values.Length)
            throw new ArgumentException($"There are {values.Length} values for {rows} x {columns} cells.", nameof(values));
        var table = new double[rows, columns];
        for (var i = 0; i < values.Length; i++) table[i / columns, i % columns] = double.CreateChecked(values[i]);
        return table;
    }
}
