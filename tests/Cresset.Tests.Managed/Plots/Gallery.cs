using Cresset.Plots;

namespace Cresset.Tests.Managed.Plots;

/// <summary>One figure of every kind, with data as they occur.</summary>
internal static class Gallery
{
    public static Dictionary<string, Func<Figure>> Figures { get; } = new()
    {
        ["curves"] = Curves,
        ["log-log"] = LogLog,
        ["curves-legend-outside"] = LegendOutside,
        ["log-short"] =
            () => new Chart(new ChartOptions { Title = "Short range", LogX = true, LogY = true, XLabel = "x", YLabel = "y" }).Line(null,
                new[] { 20.0, 30, 90 }, new[] { 0.2, 0.5, 0.9 }),
        ["scatter"] = Points,
        ["bars"] = () => new Chart(new ChartOptions { Title = "Accuracy", YLabel = "share of the test part" })
            .Bars(["3-NN", "logistic", "SVC", "small CNN"], new[] { 0.967, 0.900, 0.958, 0.972 }, new[] { 0.004, 0.01, 0.006, 0.003 }),
        ["bars-negative"] = () => new Chart(new ChartOptions { Title = "Reward by action" }).Bars(["left", "right"], new[] { -3f, 2f }),
        ["grouped-bars"] = () => new Chart(new ChartOptions { Title = "Steps per second", YLabel = "steps/s" })
            .GroupedBars(["batch 32", "batch 64", "batch 128"], ["Cresset", "PyTorch", "bare loop"],
                new[] { 210.0, 140, 90, 180, 130, 95, 215, 142, 92 }),
        ["histogram"] = Distributions,
        ["heat-map"] = () => new Chart(new ChartOptions { Title = "Correlation", Width = 640, Height = 520 })
            .HeatMap(Enumerable.Range(0, 25).Select(i => Math.Cos((i % 5) - (i / 5))).ToArray(), 5, 5,
                new HeatMapOptions
                {
                    Colors = ColorScale.Diverging,
                    ShowValues = true,
                    RowLabels = ["a", "b", "c", "d", "e"],
                    ColumnLabels = ["a", "b", "c", "d", "e"],
                    ColorBarLabel = "r"
                }),
        ["policy"] = Policy,
        ["surface-paths"] = SurfacePaths,
        ["contours"] = ContoursOnly,
        ["confusion"] =
            () => ConfusionMatrixChart.Create(Confusion(10), [.. Enumerable.Range(0, 10).Select(i => $"{i}")], "Digits, test part"),
        ["confusion-3"] = () => ConfusionMatrixChart.Create([12, 0, 1, 3, 9, 0, 0, 0, 0], ["setosa", "versicolor", "virginica"]),
        ["confusion-20"] = () => ConfusionMatrixChart.Create(Confusion(20), [.. Enumerable.Range(0, 20).Select(i => $"class {i}")]),
        ["digits"] = Digits,
        ["digits-plain"] =
            () => ImageGrid.Render(DigitLike(100), 100, 1, 8, 8, new ImageGridOptions { Columns = 10, Scale = 4, Padding = 2 }),
        ["side-by-side"] = SideBySide,
    };

    public static Chart Curves()
    {
        var random = new System.Random(1);
        var steps = Enumerable.Range(0, 500).ToArray();
        double[] Noisy(double scale, double noise) =>
            [.. steps.Select(s => (scale * Math.Exp(-s / 120.0)) + 0.1 + (noise * (random.NextDouble() - 0.5)))];
        var train = Noisy(2, 0.3);
        train[250] = double.NaN;
        var test = Noisy(2.1, 0.05);
        return new Chart(new ChartOptions { Title = "Loss of the digits classifier", XLabel = "step", YLabel = "cross-entropy (nats)" })
            .Line("train", steps, train, new LineOptions { Smoothing = 0.9 })
            .Line("test", steps, test)
            .Band(steps, test.Select(v => v - 0.12).ToArray(), test.Select(v => v + 0.12).ToArray(), "test, ± 2 standard errors")
            .Line("baseline", new[] { 0, 499 }, new[] { 0.35, 0.35 }, new LineOptions { Dashed = true })
            .HorizontalLine(0.2, "goal");
    }

    private static Chart LogLog()
    {
        var n = Enumerable.Range(0, 60).Select(i => Math.Pow(10, i / 12.0)).ToArray();
        return new Chart(
            new ChartOptions
            {
                Title = "Error against evaluations",
                XLabel = "evaluations",
                YLabel = "error",
                LogX = true,
                LogY = true,
                Legend = LegendPlace.LowerLeft
            })
            .Line("Robbins-Monro", n, n.Select(v => 1 / Math.Sqrt(v)).ToArray(), new LineOptions { Markers = true })
            .Line("Kiefer-Wolfowitz", n, n.Select(v => 2 * Math.Pow(v, -1.0 / 3)).ToArray());
    }

    private static Chart LegendOutside()
    {
        var chart = new Chart(
            new ChartOptions { Title = "Return by seed", XLabel = "episode", YLabel = "return", Legend = LegendPlace.Outside });
        for (var seed = 0; seed < 8; seed++)
        {
            var random = new System.Random(seed);
            chart.Line($"seed {seed}", Enumerable.Range(0, 100).ToArray(),
                Enumerable.Range(0, 100).Select(i => (100 * (1 - Math.Exp(-i / (10.0 + (5 * seed))))) + (10 * random.NextDouble()))
                    .ToArray());
        }
        return chart;
    }

    private static Chart Points()
    {
        var random = new System.Random(3);
        double[] Normal(double mean) =>
            [.. Enumerable.Range(0, 200)
                .Select(_ => mean + Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
        return new Chart(new ChartOptions { Title = "Two moons, nearly", XLabel = "x", YLabel = "y" }).Scatter("data", Normal(0), Normal(0))
            .Scatter("samples", Normal(3), Normal(1));
    }

    private static Chart Distributions()
    {
        var random = new System.Random(4);
        var values = Enumerable.Range(0, 3000).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble()))
            .ToArray();
        return new Chart(new ChartOptions { Title = "Weights of layer 3", XLabel = "weight", YLabel = "count" }).Histogram("before", values)
            .Histogram("after", values.Select(v => (v * 0.7f) + 1).ToArray());
    }

    private static Chart Policy()
    {
        var values = new double[20];
        List<double> xs = [], ys = [], dx = [], dy = [];
        for (var i = 0; i < 20; i++)
        {
            var (row, column) = (i / 5, i % 5);
            values[i] = i == 7 ? double.NaN : 10 - Math.Abs(row - 3) - Math.Abs(column - 4);
            if (i is 7 or 19) continue;
            xs.Add(column);
            ys.Add(-row - 0.24);
            dx.Add(column < 4 ? 0.4 : 0);
            dy.Add(column < 4 ? 0 : -0.34);
        }
        return new Chart(new ChartOptions { Title = "State values and greedy actions", Width = 640, Height = 480 })
            .HeatMap(values, 4, 5,
                new HeatMapOptions { CellTexts = [.. values.Select(v => double.IsNaN(v) ? "" : $"{v:0.0}\n ")], ColorBarLabel = "value" })
            .Arrows(xs.ToArray(), ys.ToArray(), dx.ToArray(), dy.ToArray());
    }

    private static double[] Rosenbrock(int n) => [.. Enumerable.Range(0, n * n).Select(i =>
    {
        var (x, y) = (-2 + (4.0 * (i % n) / (n - 1)), -1 + (4.0 * (i / n) / (n - 1)));
        return Math.Log10(1 + ((1 - x) * (1 - x)) + (100 * (y - (x * x)) * (y - (x * x))));
    })];

    private static Chart SurfacePaths()
    {
        var t = Enumerable.Range(0, 60).Select(i => i / 59.0).ToArray();
        return new Chart(
            new ChartOptions
            {
                Title = "Two optimizers on Rosenbrock's function",
                XLabel = "x",
                YLabel = "y",
                Legend = LegendPlace.LowerRight
            })
            .Surface(Rosenbrock(80), 80, 80, new PlotArea(-2, 2, -1, 3), new HeatMapOptions { ColorBarLabel = "log10(1 + f)" })
            .Contours(Rosenbrock(80), 80, 80, new PlotArea(-2, 2, -1, 3))
            .Path("Adam", t.Select(v => -1.5 + (2.5 * v)).ToArray(), t.Select(v => Math.Pow(-1.5 + (2.5 * v), 2)).ToArray(), 1)
            .Path("gradient", t.Select(v => 1.8 - (0.8 * v)).ToArray(), t.Select(v => -0.5 + (1.5 * v)).ToArray(), 5);
    }

    private static Chart ContoursOnly() => new Chart(new ChartOptions { Title = "Contours", Width = 520, Height = 480 })
        .Contours(Rosenbrock(60), 60, 60, new PlotArea(-2, 2, -1, 3));

    private static long[] Confusion(int n)
    {
        var random = new System.Random(5);
        return [.. Enumerable.Range(0, n * n)
            .Select(i => i / n == i % n ? 30 + random.Next(8) : random.Next(12) == 0 ? random.Next(1, 4) : 0L)];
    }

    public static float[] DigitLike(int count)
    {
        var values = new float[count * 64];
        for (var i = 0; i < values.Length; i++)
        {
            var (image, y, x) = (i / 64, i / 8 % 8, i % 8);
            var radius = Math.Sqrt(((x - 3.5) * (x - 3.5)) + ((y - 3.5) * (y - 3.5)));
            values[i] = (float)Math.Clamp(1 - Math.Abs(radius - 1 - (image % 5 * 0.5)), 0, 1);
        }
        return values;
    }

    private static Picture Digits() => ImageGrid.Render(DigitLike(12), 12, 1, 8, 8, new ImageGridOptions
    {
        Columns = 6,
        Title = "Mistakes of the digits classifier",
        Captions = [.. Enumerable.Range(0, 12).Select(i => $"true {i % 10}\nsaid {(i + 3) % 10}")],
    });

    private static Picture SideBySide()
    {
        var color = new byte[3 * 48 * 64];
        for (var i = 0; i < 48 * 64; i++)
            (color[i], color[(48 * 64) + i], color[(2 * 48 * 64) + i]) = ((byte)(i % 64 * 4), (byte)(i / 64 * 5), 128);
        var original = Picture.FromPlanes(color, 3, 48, 64);
        var half = Picture.FromPlanes(color.Select(v => (byte)(v / 64 * 64)).ToArray(), 3, 48, 64);
        return ImageGrid.Render([original, half, original, half],
            new ImageGridOptions
            {
                Columns = 2,
                Scale = 3,
                Padding = 8,
                Captions = ["original", "reconstruction", "original", "reconstruction"],
                RowLabels = ["photo 1", "photo 2"],
                Title = "Vector quantizer"
            });
    }
}
