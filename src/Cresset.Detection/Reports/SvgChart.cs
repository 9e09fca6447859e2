using System.Globalization;
using System.Net;
using System.Text;

namespace Cresset.Detection;

/// <summary>A line of a chart.</summary>
internal sealed record SvgLine(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, bool Stepped = false);

/// <summary>Small charts as SVG text; colours come from the page's style, so they follow light and dark.</summary>
internal static class SvgChart
{
    private const int Width = 460, Height = 320, Left = 48, Bottom = 40, Top = 12, Right = 12;

    /// <summary>Colours that stay apart for readers who see few of them (Okabe and Ito 2008).</summary>
    private static readonly string[] Palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c564b"];

    public static string Color(int i) => Palette[i % Palette.Length];

    /// <summary>Lines over the unit square with grid, axis names and a legend.</summary>
    public static string Lines(string title, string xName, string yName, IReadOnlyList<SvgLine> lines, bool diagonal = false)
    {
        var svg = Open(title, Width, Height + (18 * ((lines.Count + 2) / 3)));
        Axes(svg, xName, yName);
        if (diagonal)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"hint\" x1=\"{Px(0)}\" y1=\"{Py(0)}\" x2=\"{Px(1)}\" y2=\"{Py(1)}\"/>");
        }
        for (var i = 0; i < lines.Count; i++)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<path fill=\"none\" stroke=\"{Color(i)}\" stroke-width=\"1.8\" d=\"{PathOf(lines[i])}\"/>");
            var (x, y) = (Left + (i % 3 * 140), Height + 14 + (i / 3 * 18));
            svg.Append(CultureInfo.InvariantCulture,
                $"<rect x=\"{x}\" y=\"{y - 8}\" width=\"12\" height=\"4\" fill=\"{Color(i)}\"/><text x=\"{x + 18}\" "
                    + $"y=\"{y - 2}\">{Text(Cut(lines[i].Name, 18))}</text>");
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>Horizontal bars with their values.</summary>
    public static string Bars(string title, IReadOnlyList<(string Name, double Value, string Label)> bars, double max)
    {
        const int Row = 20, Names = 150, Wide = 640;
        var svg = Open(title, Wide, (bars.Count * Row) + 8);
        var scale = max > 0 ? (Wide - Names - 90) / max : 0;
        for (var i = 0; i < bars.Count; i++)
        {
            var (name, value, label) = bars[i];
            var y = 4 + (i * Row);
            var length = double.IsFinite(value) ? Math.Max(0, value) * scale : 0;
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Names - 8}\" y=\"{y + 13}\" text-anchor=\"end\">{Text(Cut(name, 22))}</text><rect x=\"{Names}\" y=\"{y + 2}\" "
                    + $"width=\"{length:0.#}\" height=\"{Row - 6}\" fill=\"{Color(0)}\"><title>{Text(name)}: "
                    + $"{Text(label)}</title></rect><text x=\"{Names + length + 6:0.#}\" y=\"{y + 13}\">{Text(label)}</text>");
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A matrix as shaded cells, each row by its own sum.</summary>
    public static string Heat(string title, IReadOnlyList<string> names, Func<int, int, long> value)
    {
        const int Cell = 34, Names = 110;
        var n = names.Count;
        var svg = Open(title, Names + (n * Cell) + 8, Names + (n * Cell) + 8);
        for (var j = 0; j < n; j++)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<text transform=\"translate({Names + (j * Cell) + 21},{Names - 6}) rotate(-55)\">{Text(Cut(names[j], 14))}</text>");
        }
        for (var i = 0; i < n; i++)
        {
            var sum = Enumerable.Range(0, n).Sum(j => value(i, j));
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Names - 6}\" y=\"{Names + (i * Cell) + 21}\" text-anchor=\"end\">{Text(Cut(names[i], 15))}</text>");
            for (var j = 0; j < n; j++)
            {
                var v = value(i, j);
                var share = sum == 0 ? 0 : (double)v / sum;
                svg.Append(CultureInfo.InvariantCulture,
                    $"<rect x=\"{Names + (j * Cell)}\" y=\"{Names + (i * Cell)}\" width=\"{Cell - 1}\" height=\"{Cell - 1}\" "
                        + $"fill=\"{(i == j ? Color(2) : Color(1))}\" "
                        + $"fill-opacity=\"{(v == 0 ? 0.04 : 0.12 + (0.8 * share)):0.###}\"><title>{Text(names[i])} as {Text(names[j])}: "
                        + $"{v}</title></rect>");
                if (v > 0)
                {
                    svg.Append(CultureInfo.InvariantCulture,
                        $"<text x=\"{Names + (j * Cell) + 16}\" y=\"{Names + (i * Cell) + 21}\" text-anchor=\"middle\">{v}</text>");
                }
            }
        }
        return svg.Append("</svg>").ToString();
    }

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "\u2026";

    private static StringBuilder Open(string title, int width, int height)
        => new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"<svg class=\"chart\" role=\"img\" aria-label=\"{Text(title)}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" "
                + $"xmlns=\"http://www.w3.org/2000/svg\"><title>{Text(title)}</title>");

    private static void Axes(StringBuilder svg, string xName, string yName)
    {
        for (var i = 0; i <= 5; i++)
        {
            var v = i / 5.0;
            svg.Append(CultureInfo.InvariantCulture,
                $"<line class=\"grid\" x1=\"{Px(v)}\" y1=\"{Py(0)}\" x2=\"{Px(v)}\" y2=\"{Py(1)}\"/><line class=\"grid\" x1=\"{Px(0)}\" "
                    + $"y1=\"{Py(v)}\" x2=\"{Px(1)}\" y2=\"{Py(v)}\"/><text x=\"{Px(v)}\" y=\"{Py(0) + 15}\" "
                    + $"text-anchor=\"middle\">{v:0.0}</text><text x=\"{Left - 6}\" y=\"{Py(v) + 4}\" text-anchor=\"end\">{v:0.0}</text>");
        }
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{(Width + Left) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{Text(xName)}</text><text "
                + $"transform=\"translate(13,{Height / 2}) rotate(-90)\" text-anchor=\"middle\">{Text(yName)}</text>");
    }

    private static string PathOf(SvgLine line)
    {
        var path = new StringBuilder();
        double last = 0;
        for (var i = 0; i < line.X.Count; i++)
        {
            if (!double.IsFinite(line.X[i]) || !double.IsFinite(line.Y[i])) continue;
            if (path.Length > 0 && line.Stepped) path.Append(CultureInfo.InvariantCulture, $"L{Px(line.X[i]):0.##},{Py(last):0.##}");
            path.Append(CultureInfo.InvariantCulture, $"{(path.Length == 0 ? 'M' : 'L')}{Px(line.X[i]):0.##},{Py(line.Y[i]):0.##}");
            last = line.Y[i];
        }
        return path.ToString();
    }

    private static double Px(double x) => Left + (Math.Clamp(x, 0, 1) * (Width - Left - Right));

    private static double Py(double y) => Height - Bottom - (Math.Clamp(y, 0, 1) * (Height - Bottom - Top));
}
