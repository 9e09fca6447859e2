using System.Globalization;
using Cresset.Plots;
using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>
/// Charts of what runs recorded: losses smoothed, with the raw values pale behind them; figures of evaluations as they are.
/// </summary>
public static class RunCurves
{
    private const int MostPoints = 2000, MostLines = 10, MostCharts = 12;

    /// <summary>One chart of the given series of the given runs.</summary>
    /// <param name="store">The runs' store.</param>
    /// <param name="lines">Run and tag of each line; several runs are told apart by their ids.</param>
    /// <param name="smoothing">Weight of the smoothing in [0, 1); null smooths what training recorded and leaves evaluations alone.</param>
    public static Chart Draw(RunStore store, IReadOnlyList<(RunInfo Run, string Tag)> lines, double? smoothing = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(lines);
        var all = lines.Select(line => (line.Run, line.Tag, Points: Read(store, line.Run.Id, line.Tag))).ToList();
        var runs = lines.Select(l => l.Run.Id).Distinct().Count();
        var tags = lines.Select(l => l.Tag).Distinct().ToList();
        var values = all.SelectMany(l => l.Points).Select(p => p.Value).Where(double.IsFinite).ToList();
        // Values of several orders of magnitude can be read on a logarithmic axis alone.
        var isLog = values.Count > 0 && values.Min() > 0 && values.Max() / values.Min() > 200;
        var chart = new Chart(new ChartOptions
        {
            Title = runs == 1 ? $"{lines[0].Run.Name}: {(tags.Count == 1 ? tags[0] : LastWord(tags[0]))}" : tags.Count == 1 ? tags[0]
                : LastWord(tags[0]),
            XLabel = "step",
            YLabel = LastWord(tags[0]),
            LogY = isLog,
            Width = 900,
            Height = 450,
        });
        foreach (var (run, tag, points) in all)
        {
            if (points.Count == 0) continue;
            var name = (runs > 1, tags.Count > 1) switch { (true, true) => $"{run.Id} {tag}", (true, false) => run.Id, _ => tag };
            var isTraining = tag.StartsWith("train/", StringComparison.Ordinal) || tag.Contains("/train/", StringComparison.Ordinal);
            chart.Line<double, double>(name, points.Select(p => (double)p.Step).ToArray(), points.Select(p => p.Value).ToArray(),
                new LineOptions
                {
                    Smoothing = smoothing ?? (isTraining && tag.EndsWith("loss", StringComparison.Ordinal) && points.Count > 50 ? 0.9 : 0),
                    Markers = points.Count < 30,
                });
        }
        return chart;
    }

    /// <summary>
    /// The charts of one run as <c>curves/NAME.png</c> and <c>.svg</c> in its folder: one for each quantity that was recorded more than
    /// once.
    /// </summary>
    /// <returns>The PNG files.</returns>
    public static IReadOnlyList<string> Save(RunStore store, RunInfo run)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(run);
        var files = new List<string>();
        // Epochs are an axis, not a result.
        var groups = store.Series(run.Id)
            .Where(s => s.Count > 1 && !s.Tag.StartsWith("system/", StringComparison.Ordinal) && LastWord(s.Tag) != "epoch")
            .GroupBy(s => LastWord(s.Tag)).Where(g => g.Count() <= MostLines);
        // Losses first, then what evaluations said.
        foreach (var group in groups.OrderBy(
            g => g.Key == "loss" ? 0 : g.Any(s => s.Tag.Contains("eval/", StringComparison.Ordinal)) ? 1 : 2).Take(MostCharts))
        {
            var chart = Draw(store, [.. group.Select(s => (run, s.Tag))]);
            var path = Path.Combine(run.Folder, "curves", PictureFile.Stem(group.Key));
            chart.Save(path + ".png");
            chart.Save(path + ".svg");
            files.Add(path + ".png");
        }
        return files;
    }

    /// <summary>Points of a series, thinned to the means of at most 2,000 stretches.</summary>
    public static IReadOnlyList<(long Step, double Value)> Read(RunStore store, string id, string tag)
    {
        ArgumentNullException.ThrowIfNull(store);
        return [.. store.ReadSeries(id, tag, long.MinValue, long.MaxValue, MostPoints).Select(b => (b.LastStep, b.Mean))];
    }

    private static string LastWord(string tag) => tag[(tag.LastIndexOf('/') + 1)..];
}
