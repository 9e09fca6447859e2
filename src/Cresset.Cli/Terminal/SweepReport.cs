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
        if (json)
        {
            Output.Json(rows.Select(r => new
            {
                r.Overrides,
                r.Runs,
                Figures = r.Figures.ToDictionary(f => f.Key, f => new { f.Value.Mean, f.Value.Deviation, Low = f.Value.Mean - r.HalfWidth(f.Key), High = f.Value.Mean + r.HalfWidth(f.Key) }),
            }));
            return;
        }
        var figures = rows[0].Figures.Keys.Where(f => rows.All(r => r.Figures.ContainsKey(f))).Take(Columns).ToList();
        Output.Table(["setting", "runs", .. figures], rows.Select(r => (string[])[
            r.Overrides.Count == 0 ? recipe : string.Join(' ', r.Overrides),
            r.Runs.Count.ToString(CultureInfo.InvariantCulture),
            .. figures.Select(f => Output.Number(r.Figures[f].Mean) + (r.Runs.Count < 2 ? "" : $" ± {Output.Number(r.HalfWidth(f))}"))]));
        if (rows.Any(r => r.Runs.Count > 1)) Console.Out.WriteLine("± is the 95 % interval of the mean over seeds and folds (Student's t).");
        if (Sweep.Picture(rows, sweep.Tag) is { } chart)
        {
            var path = Path.Combine(folder, "sweeps", $"{PictureFile.Stem(sweep.Tag["sweep:".Length..])}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            chart.Save(path);
            Console.Out.WriteLine($"picture  {TrainingView.Relative(path)}");
        }
        Console.Out.WriteLine($"The runs: cresset runs --filter {sweep.Tag.Replace("sweep:", "tag:sweep:", StringComparison.Ordinal)}");
    }
}
