using Cresset.Optim;
using Cresset.Plots;

namespace Cresset.Cli.Commands;

/// <summary>Pictures of <c>cresset optim</c>.</summary>
internal static class RacePictures
{
    private const int Grid = 161;

    public static Chart Paths(TestSurface surface, IReadOnlyList<RaceResult> results)
    {
        var (x0, x1, y0, y1) = surface.Area;
        var values = new double[Grid * Grid];
        for (var r = 0; r < Grid; r++)
        {
            // The logarithm keeps plains and walls on one scale.
            for (var c = 0; c < Grid; c++)
                values[(r * Grid) + c] =
                    Math.Log10(1e-3 + surface.Value(x0 + ((x1 - x0) * c / (Grid - 1)), y0 + ((y1 - y0) * r / (Grid - 1))));
        }
        var area = new PlotArea(x0, x1, y0, y1);
        var chart =
            new Chart(
                new ChartOptions
                {
                    Title = surface.Name,
                    XLabel = "x",
                    YLabel = "y",
                    Width = 720,
                    Height = 600,
                    Legend = LegendPlace.LowerRight
                })
            .Contours<double>(values, Grid, Grid, area);
        foreach (var result in results)
        {
            var inside = result.Xs.Zip(result.Ys).TakeWhile(p => p.First >= x0 && p.First <= x1 && p.Second >= y0 && p.Second <= y1)
                .ToArray();
            if (inside.Length > 1)
                chart.Path<double>(result.Label, inside.Select(p => p.First).ToArray(), inside.Select(p => p.Second).ToArray());
        }
        chart.Scatter<double, double>("minimum", [surface.Minimum.X], [surface.Minimum.Y], 10);
        return chart.XLimits(x0, x1).YLimits(y0, y1);
    }

    public static Chart Losses(string title, IReadOnlyList<RaceResult> results, int every)
    {
        var chart = new Chart(new ChartOptions { Title = title, XLabel = "step", YLabel = "loss", LogY = true });
        foreach (var result in results)
            chart.Line<double, double>(result.Label, result.Losses.Select((_, i) => (double)(i * every)).ToArray(), result.Losses);
        return chart;
    }

    public static Chart Decay(IReadOnlyList<DecayResult> results)
    {
        double[] scales = [.. results.Select(r => r.GradientScale)];
        return new Chart(
            new ChartOptions
            {
                Title = "What decay leaves of a weight of 1",
                XLabel = "size of its gradients",
                YLabel = "mean weight",
                LogX = true,
                Legend = LegendPlace.LowerRight
            })
            .Line<double, double>("Adam, L2 in the gradient", scales, results.Select(r => r.Coupled).ToArray(),
                new LineOptions { Markers = true })
            .Line<double, double>("AdamW, decoupled", scales, results.Select(r => r.Decoupled).ToArray(),
                new LineOptions { Markers = true })
            .YLimits(-0.1, 1.1);
    }
}
