using System.Globalization;
using System.Text;

namespace Cresset.Cli.Terminal;

/// <summary>A line chart in characters: each holds two columns and four rows of braille dots.</summary>
internal static class TerminalChart
{
    private const int Left = 11;
    private static readonly int[,] Dots = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } };

    /// <summary>The lines of text; points that are not finite are left out.</summary>
    /// <param name="title">Above the chart.</param>
    /// <param name="points">In any order.</param>
    /// <param name="width">Characters, at least 30.</param>
    /// <param name="height">Rows of the chart itself.</param>
    public static IEnumerable<string> Draw(string title, IReadOnlyList<(long Step, double Value)> points, int width = 78, int height = 12)
    {
        var finite = points.Where(p => double.IsFinite(p.Value)).ToList();
        yield return $"{title}{(finite.Count < points.Count ? $"  ({points.Count - finite.Count} values are not finite)" : "")}";
        if (finite.Count == 0) yield break;
        var (columns, rows) = (Math.Max(10, width - Left - 1) * 2, height * 4);
        var (from, to) = ((double)finite.Min(p => p.Step), (double)finite.Max(p => p.Step));
        var (low, high) = (finite.Min(p => p.Value), finite.Max(p => p.Value));
        var isLog = low > 0 && high / low > 200;
        double Scale(double v) => isLog ? Math.Log10(v) : v;
        var (bottom, top) = (Scale(low), Scale(high));
        if (!(top > bottom)) (bottom, top) = (bottom - Math.Max(1e-12, Math.Abs(bottom) / 2), top + Math.Max(1e-12, Math.Abs(top) / 2));
        var cells = new int[height, columns / 2];
        (int X, int Y)? before = null;
        foreach (var (step, value) in finite.OrderBy(p => p.Step))
        {
            var x = to > from ? (int)Math.Round((step - from) / (to - from) * (columns - 1)) : 0;
            var y = (int)Math.Round((top - Scale(value)) / (top - bottom) * (rows - 1));
            // Between two columns the line is drawn, so that few points make a curve too.
            var (x0, y0) = before ?? (x, y);
            var steps = Math.Max(1, Math.Max(Math.Abs(x - x0), Math.Abs(y - y0)));
            for (var i = 0; i <= steps; i++) Set(cells, x0 + ((x - x0) * i / steps), y0 + ((y - y0) * i / steps));
            before = (x, y);
        }
        for (var row = 0; row < height; row++)
        {
            var value = top - ((top - bottom) * row / Math.Max(1, height - 1));
            var label = row == 0 || row == height - 1 || row == height / 2 ? Output.Number(isLog ? Math.Pow(10, value) : value) : "";
            var line = new StringBuilder(label.PadLeft(Left - 1)).Append(" │");
            for (var column = 0; column < columns / 2; column++)
                line.Append(cells[row, column] == 0 ? ' ' : (char)(0x2800 + cells[row, column]));
            yield return line.ToString().TrimEnd();
        }
        yield return new string(' ', Left) + "└" + new string('─', columns / 2);
        var (first, last) = (finite.Min(p => p.Step).ToString(CultureInfo.InvariantCulture),
            finite.Max(p => p.Step).ToString(CultureInfo.InvariantCulture));
        yield return new string(' ', Left + 1) + first + last.PadLeft(Math.Max(last.Length + 1, (columns / 2) - first.Length))
            + (isLog ? "  (logarithmic)" : "");
    }

    private static void Set(int[,] cells, int x, int y) => cells[y / 4, x / 2] |= Dots[y % 4, x % 2];
}
