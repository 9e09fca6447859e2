using System.Globalization;

namespace Cresset.Plots;

/// <summary>Draws how often each true class was taken for each other one.</summary>
public static class ConfusionMatrixChart
{
    /// <summary>
    /// A chart with counts, and for up to twelve classes the share of each row in percent below; the colour is the share.
    /// </summary>
    /// <param name="counts">Counts <c>[true class, predicted class]</c> in row order.</param>
    /// <param name="labels">Names of the classes.</param>
    /// <param name="title">Title.</param>
    /// <exception cref="ArgumentException">There are not classes x classes counts.</exception>
    public static Chart Create(ReadOnlySpan<long> counts, IReadOnlyList<string> labels, string title = "Confusion matrix")
    {
        ArgumentNullException.ThrowIfNull(labels);
        var n = labels.Count;
        if (n == 0 || counts.Length != n * n)
            throw new ArgumentException($"There are {counts.Length} counts for {n} classes; {n} x {n} are needed.", nameof(counts));
        var shares = new double[n * n];
        var texts = new string[n * n];
        for (var row = 0; row < n; row++)
        {
            long sum = 0;
            foreach (var count in counts.Slice(row * n, n)) sum += count;
            for (var column = 0; column < n; column++)
            {
                var at = (row * n) + column;
                shares[at] = sum == 0 ? 0 : 100.0 * counts[at] / sum;
                // Empty cells stay empty: the eye then finds the mistakes.
                texts[at] = counts[at] == 0 ? "" : n > 12
                    ? counts[at].ToString(CultureInfo.InvariantCulture)
                    : string.Create(CultureInfo.InvariantCulture, $"{counts[at]}\n{shares[at]:0.#}%");
            }
        }
        var side = Math.Clamp(60 * n, 420, 1600);
        return new Chart(new ChartOptions { Title = title, XLabel = "predicted", YLabel = "true", Width = side + 190, Height = side + 120 })
            .HeatMap(shares.AsSpan(), n, n, new HeatMapOptions
            {
                Colors = ColorScale.Blues,
                Minimum = 0,
                Maximum = 100,
                CellTexts = texts,
                RowLabels = labels,
                ColumnLabels = labels,
                ColorBarLabel = "% of the true class",
            });
    }
}
