using Cresset.Detection;
using Cresset.Plots;

namespace Cresset.Cli.Commands;

/// <summary>The curves of a report as PNG files.</summary>
internal static class DetectPictures
{
    private const int Lines = 8, MatrixClasses = 25;

    public static void Write(DetectionReport report, string folder)
    {
        Directory.CreateDirectory(folder);
        Curves(report).Save(Path.Combine(folder, "precision-recall.png"));
        Thresholds(report).Save(Path.Combine(folder, "f1.png"));
        if (report.Confusion.CategoryIds.Count <= MatrixClasses) Confusion(report).Save(Path.Combine(folder, "confusion.png"));
        else Console.Error.WriteLine(
            $"cresset: note: {report.Confusion.CategoryIds.Count} classes are too many for a confusion picture (at most {MatrixClasses}); "
                + $"the report lists the pairs.");
        if (report.Errors is not null) Errors(report.Errors).Save(Path.Combine(folder, "errors.png"));
    }

    private static Chart Curves(DetectionReport report)
    {
        var shown = Shown(report);
        var title = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"Precision and recall at IoU {report.Options.IouThreshold:0.##}");
        if (shown.Length < report.Classes.Count(c => c.Objects > 0)) title += $", {shown.Length} most frequent classes";
        var chart = new Chart(
            new ChartOptions
            {
                Title = title,
                XLabel = "recall",
                YLabel = "precision",
                Width = 900,
                Height = 640,
                Legend = LegendPlace.Outside
            });
        foreach (var c in shown)
        {
            var (recall, precision, _) = c.Line(400);
            chart.Line<double, double>($"{c.Name} {c.ApAtIou:0.000}", recall, precision);
        }
        return chart;
    }

    private static Chart Thresholds(DetectionReport report)
    {
        var chart = new Chart(
            new ChartOptions
            {
                Title = "F1 over the score threshold",
                XLabel = "score threshold",
                YLabel = "F1",
                Width = 900,
                Height = 640,
                Legend = LegendPlace.Outside
            });
        foreach (var c in Shown(report))
        {
            var (recall, precision, scores) = c.Line(400);
            double[] f1 = [.. recall.Zip(precision, (r, p) => p + r > 0 ? 2 * p * r / (p + r) : 0)];
            chart.Line<double, double>(c.Name, scores, f1);
        }
        return chart;
    }

    private static Chart Confusion(DetectionReport report)
    {
        var n = report.Confusion.CategoryIds.Count + 1;
        var counts = new long[n * n];
        for (var i = 0; i < counts.Length; i++) counts[i] = report.Confusion[i / n, i % n];
        var title = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"What is taken for what, scores from {report.MinScore:0.###}");
        return ConfusionMatrixChart.Create(counts, [.. report.Confusion.CategoryNames, "background"], title);
    }

    private static Chart Errors(TideResult errors)
    {
        var names = errors.Deltas.Keys.Select(k => $"{k} ({errors.Counts[k]})").ToArray();
        double[] gains = [.. errors.Deltas.Values.Select(v => double.IsFinite(v) ? v : 0)];
        return new Chart(new ChartOptions
        {
            Title = "AP gained by repairing one kind of error",
            YLabel = "AP",
            Width = 900,
            Height = 480
        }).Bars<double>(names, gains);
    }

    private static ReportClass[] Shown(DetectionReport report)
        => [.. report.Classes.Where(c => c.Objects > 0).OrderByDescending(c => c.Objects).ThenBy(c => c.Id).Take(Lines)];
}
