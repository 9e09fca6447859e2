using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using Cresset.Numerics;
using ScottPlot;

namespace Cresset.Plots;

/// <summary>
/// A figure with axes. Members add to it and return it, so calls can be chained. Values that are not finite are left out: lines break
/// there. Spans of any number type are taken; all that is drawn together must have equal lengths.
/// </summary>
/// <example><code>
/// new Chart(new ChartOptions { Title = "Loss", XLabel = "step", LogY = true })
///     .Line("train", steps, losses, new LineOptions { Smoothing = 0.9 })
///     .Save("loss.png");
/// </code></example>
[SuppressMessage("Design", "CA1001",
    Justification = "The plot owns pixels only while it renders; charts are values that callers chain and drop.")]
public sealed partial class Chart : Figure
{
    private readonly ChartOptions _options;
    private readonly Plot _plot;
    private int _nextColor;
    private bool _named;

    /// <summary>An empty chart.</summary>
    /// <exception cref="InvalidOptionsException">A size is out of range.</exception>
    public Chart(ChartOptions? options = null)
    {
        PlotFont.Register();
        _options = (options ?? new ChartOptions()).ThrowIfInvalid();
        _plot = new Plot();
        Style();
    }

    /// <summary>A line through points.</summary>
    /// <param name="name">Name in the legend, or null.</param>
    /// <param name="xs">Horizontal values in drawing order.</param>
    /// <param name="ys">Vertical values, as many.</param>
    /// <param name="options">Look and smoothing.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Line<TX, TY>(string? name, ReadOnlySpan<TX> xs, ReadOnlySpan<TY> ys, LineOptions? options = null)
        where TX : struct, INumber<TX>
        where TY : struct, INumber<TY>
    {
        var (x, y) = (Numbers(xs), Numbers(ys));
        SameLength(x.Length, y.Length, nameof(xs), nameof(ys));
        options = (options ?? new LineOptions()).ThrowIfInvalid();
        var color = Color(options.Color);
        if (options.Smoothing > 0)
        {
            Draw(null, x, y, color.WithAlpha(0.25), 1, LinePattern.Solid, false);
            y = Smoothing.Smooth(y, options.Smoothing);
        }
        Draw(name, x, y, color, (float)options.Width, options.Dashed ? LinePattern.Dashed : LinePattern.Solid, options.Markers);
        return this;
    }

    /// <summary>A pale band between two lines, such as a confidence interval, in the colour of the line drawn last.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Band<TX, TY>(ReadOnlySpan<TX> xs, ReadOnlySpan<TY> low, ReadOnlySpan<TY> high, string? name = null)
        where TX : struct, INumber<TX>
        where TY : struct, INumber<TY>
    {
        var (x, bottom, top) = (Numbers(xs), Numbers(low), Numbers(high));
        SameLength(x.Length, bottom.Length, nameof(xs), nameof(low));
        SameLength(x.Length, top.Length, nameof(xs), nameof(high));
        var color = PlotColors.Series[Math.Max(0, _nextColor - 1) % PlotColors.Series.Length].WithAlpha(0.2);
        foreach (var (begin, end) in Segments(x, bottom, top))
        {
            var band = _plot.Add.FillY(
                [.. x[begin..end].Select(X)], [.. bottom[begin..end].Select(Y)], [.. top[begin..end].Select(Y)]);
            band.FillColor = color;
            band.LineWidth = 0;
            band.MarkerShape = MarkerShape.None;
            Name(text => band.LegendText = text, ref name);
        }
        return this;
    }

    /// <summary>Points without a line.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public Chart Scatter<TX, TY>(string? name, ReadOnlySpan<TX> xs, ReadOnlySpan<TY> ys, double size = 6, int? color = null)
        where TX : struct, INumber<TX>
        where TY : struct, INumber<TY>
    {
        var (x, y) = (Numbers(xs), Numbers(ys));
        SameLength(x.Length, y.Length, nameof(xs), nameof(ys));
        var shown = Enumerable.Range(0, x.Length).Where(i => Shown(x[i], y[i])).ToArray();
        var tint = Color(color);
        if (shown.Length == 0) return this;
        var points = _plot.Add.Markers(shown.Select(i => new Coordinates(X(x[i]), Y(y[i]))).ToArray(), MarkerShape.FilledCircle,
            (float)size, tint.WithAlpha(shown.Length > 300 ? 0.5 : 0.8));
        Name(text => points.LegendText = text, ref name);
        return this;
    }

    /// <summary>A horizontal line across the chart, such as a threshold.</summary>
    public Chart HorizontalLine(double y, string? name = null)
    {
        var line = _plot.Add.HorizontalLine(Y(y), 1.5f, PlotColors.Axis, LinePattern.Dashed);
        Name(text => line.LegendText = text, ref name);
        return this;
    }

    /// <summary>A vertical line across the chart.</summary>
    public Chart VerticalLine(double x, string? name = null)
    {
        var line = _plot.Add.VerticalLine(X(x), 1.5f, PlotColors.Axis, LinePattern.Dashed);
        Name(text => line.LegendText = text, ref name);
        return this;
    }

    /// <summary>Fixes the ends of the horizontal axis.</summary>
    public Chart XLimits(double min, double max)
    {
        _plot.Axes.SetLimitsX(X(min), X(max));
        return this;
    }

    /// <summary>Fixes the ends of the vertical axis.</summary>
    public Chart YLimits(double min, double max)
    {
        _plot.Axes.SetLimitsY(Y(min), Y(max));
        return this;
    }

    /// <summary>One unit is as long on both axes.</summary>
    public Chart SquareUnits()
    {
        _plot.Axes.SquareUnits();
        return this;
    }

    /// <inheritdoc/>
    public override byte[] ToPng() => Finished().GetImageBytes(_options.Width, _options.Height, ImageFormat.Png);

    /// <inheritdoc/>
    public override string ToSvg() => Finished().GetSvgXml(_options.Width, _options.Height)
        .Replace($"font-family=\"{PlotFont.Name}\"", $"font-family=\"{PlotFont.Name}, Verdana, sans-serif\"", StringComparison.Ordinal);

    /// <summary>The chart as a picture of pixels, for grids and animations.</summary>
    public Picture ToPicture() => Picture.Decode(ToPng());

    private void Draw(string? name, double[] x, double[] y, Color color, float width, LinePattern pattern, bool markers)
    {
        foreach (var (begin, end) in Segments(x, y, y))
        {
            var line = _plot.Add.ScatterLine([.. x[begin..end].Select(X)], y[begin..end].Select(Y).ToArray(), color);
            line.LineWidth = width;
            line.LinePattern = pattern;
            // A lone point between gaps would be invisible as a line.
            if (markers || end - begin == 1)
                (line.MarkerShape, line.MarkerSize) = (MarkerShape.FilledCircle, markers ? (2 * width) + 2 : width + 1);
            Name(text => line.LegendText = text, ref name);
        }
    }

    private List<(int Begin, int End)> Segments(double[] x, double[] low, double[] high)
    {
        List<(int, int)> segments = [];
        var begin = 0;
        for (var i = 0; i <= x.Length; i++)
        {
            if (i < x.Length && Shown(x[i], low[i]) && Shown(x[i], high[i])) continue;
            if (i > begin) segments.Add((begin, i));
            begin = i + 1;
        }
        return segments;
    }

    private bool Shown(double x, double y) =>
        double.IsFinite(x) && double.IsFinite(y) && (!_options.LogX || x > 0) && (!_options.LogY || y > 0);

    private double X(double x) => _options.LogX ? Math.Log10(x) : x;

    private double Y(double y) => _options.LogY ? Math.Log10(y) : y;

    private Color Color(int? number) => PlotColors.Series[(number ?? _nextColor++) % PlotColors.Series.Length];

    // A name is given once, to the first part that is drawn.
    private void Name(Action<string> set, ref string? name)
    {
        if (string.IsNullOrEmpty(name)) return;
        set(name);
        name = null;
        _named = true;
    }

    private static double[] Numbers<T>(ReadOnlySpan<T> values)
        where T : struct, INumber<T>
    {
        var numbers = new double[values.Length];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = double.CreateChecked(values[i]);
        return numbers;
    }

    private static void SameLength(int first, int second, string firstName, string secondName)
    {
        if (first != second)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"{firstName} has {first} values, {secondName} has {second}; they must have equally many."), secondName);
    }
}
