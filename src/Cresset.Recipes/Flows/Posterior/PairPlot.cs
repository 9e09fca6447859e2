using Cresset.Plots;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Every parameter against every other: histograms on the diagonal, points below it.</summary>
internal static class PairPlot
{
    // More panels than these are too small to be read.
    private const int Most = 5;
    private const int Side = 260;

    /// <summary>Draws rows [N, P] with the columns' names; a true value is marked by a line or a large point.</summary>
    public static TaskPicture Draw(Tensor rows, IReadOnlyList<string> names, double[]? truth, string caption)
    {
        var shown = Math.Min(names.Count, Most);
        var columns = Enumerable.Range(0, shown).Select(i => rows.select(1, i).contiguous().to(ScalarType.Float32).data<float>().ToArray())
            .ToArray();
        var whole = new byte[Side * shown * Side * shown * 4];
        Array.Fill(whole, (byte)255);
        for (var row = 0; row < shown; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                var chart = new Chart(
                    new ChartOptions
                    {
                        Width = Side,
                        Height = Side,
                        XLabel = row == shown - 1 ? names[column] : "",
                        YLabel = column == 0 && row > 0 ? names[row] : ""
                    });
                if (row == column)
                {
                    chart.Histogram<float>(null, columns[row], 40);
                    if (truth is not null) chart.VerticalLine(truth[row]);
                }
                else
                {
                    chart.Scatter<float, float>(null, columns[column], columns[row], 2);
                    if (truth is not null) chart.Scatter<double, double>(null, [truth[column]], [truth[row]], 10, 1);
                }
                Copy(chart.ToPicture(), whole, row, column, shown);
            }
        }
        var text = names.Count > shown ? $"{caption} (the first {shown} of {names.Count} parameters)." : $"{caption}.";
        return new TaskPicture("posterior", new Picture(Side * shown, Side * shown, whole).ToPng(), text);
    }

    private static void Copy(Picture panel, byte[] whole, int row, int column, int panels)
    {
        for (var y = 0; y < Side; y++)
        {
            var to = ((((row * Side) + y) * Side * panels) + (column * Side)) * 4;
            panel.Pixels.AsSpan(y * Side * 4, Side * 4).CopyTo(whole.AsSpan(to));
        }
    }
}
