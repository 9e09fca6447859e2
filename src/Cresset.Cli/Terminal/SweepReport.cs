using System.Globalization;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Terminal;

/// <summary>What a sweep shows at its end: a table with intervals, and settings and figure as parallel coordinates.</summary>
internal static class SweepReport
{
    private const int Columns = 6;

    public static void Write(IReadOnlyList<SweepRow> rows, Sweep sweep, string recipe, string folder, bool json)
    {
        SayFailures(rows, recipe);
        if (json)
        {
            Output.Json(rows.Select(r => new
            {
                r.Overrides,
                r.Runs,
                Figures = r.Figures.ToDictionary(f => f.Key, f => new
                {
                    f.Value.Mean,
                    f.Value.Deviation,
                    Low = f.Value.Mean - r.HalfWidth(f.Key),
                    High = f.Value.Mean + r.HalfWidth(f.Key),
                    Values = r.Values.GetValueOrDefault(f.Key),
                    Middle = r.Middle(f.Key),
                }),
                r.Failures,
            }));
            return;
        }
        var measured = rows.Where(r => r.Figures.Count > 0).ToList();
        List<string> figures = measured.Count == 0 ? []
            : [.. measured[0].Figures.Keys.Where(f => measured.TrueForAll(r => r.Figures.ContainsKey(f))).Take(Columns)];
        Output.Table(["setting", "runs", .. figures], rows.Select(r => (string[])[
            Setting(r, recipe),
            r.Runs.Count.ToString(CultureInfo.InvariantCulture)
                + (r.Failures.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" of {r.Runs.Count + r.Failures.Count}")),
            .. figures.Select(
                f => r.Figures.TryGetValue(f, out var figure)
                    ? Output.Number(figure.Mean) + (r.Runs.Count < 2 ? "" : $" ± {Output.Number(r.HalfWidth(f))}") : "failed")]));
        if (rows.Any(r => r.Runs.Count > 1))
            Console.Out.WriteLine("± is the 95 % interval of the mean over seeds and folds (Student's t).");
        foreach (var (row, figure) in measured.SelectMany(r => figures.Take(1).Select(f => (r, f))))
        {
            if (row.Middle(figure) is { } middle)
                Console.Out.WriteLine(
                    $"{Setting(row, recipe)}: {figure}, interquartile mean {Output.Number(middle.Value)}, 95 % bootstrap band "
                        + $"{Output.Number(middle.Low)} to {Output.Number(middle.High)}");
        }
        if (Sweep.Picture(rows, sweep.Tag) is { } chart)
        {
            var path = Path.Combine(folder, "sweeps", $"{PictureFile.Stem(sweep.Tag["sweep:".Length..])}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            chart.Save(path);
            Console.Out.WriteLine($"picture  {TrainingView.Relative(path)}");
        }
        Console.Out.WriteLine($"The runs: cresset runs --filter {sweep.Tag.Replace("sweep:", "tag:sweep:", StringComparison.Ordinal)}");
    }

    private static string Setting(SweepRow row, string recipe) => row.Overrides.Count == 0 ? recipe : string.Join(' ', row.Overrides);

    private static void SayFailures(IReadOnlyList<SweepRow> rows, string recipe)
    {
        var failed = rows.Sum(r => r.Failures.Count);
        if (failed == 0) return;
        Console.Error.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"cresset: {failed} of {failed + rows.Sum(r => r.Runs.Count)} runs failed; figures are those of the others:"));
        foreach (var row in rows)
        {
            foreach (var reason in row.Failures.GroupBy(f => f))
                Console.Error.WriteLine(
                    $"cresset:   {Setting(row, recipe)}{(reason.Count() > 1 ? $" ({reason.Count()} runs)" : "")}: {reason.Key}");
        }
    }
}
