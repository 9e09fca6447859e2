using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Terminal;

/// <summary>What a sweep shows at its end: a table with intervals, and a picture of it.</summary>
/// <param name="sweep">The sweep.</param>
/// <param name="recipe">What was swept.</param>
/// <param name="folder">Where the runs are kept; table and picture go into its folder <c>sweeps</c>.</param>
internal sealed class SweepReport(Sweep sweep, Recipe recipe, string folder)
{
    private const int Columns = 6;

    public void Write(IReadOnlyList<SweepRow> rows, bool json)
    {
        SayFailures(rows);
        var compared = recipe.Comparison is { } comparison && rows.Any(r => r.Name.Length > 0) ? comparison : null;
        var against = rows.FirstOrDefault(r => r.Name.Length > 0 && r.Name == compared?.Against && r.Figures.Count > 0);
        if (json)
        {
            WriteJson(rows, against);
            return;
        }
        var figures = Figures(rows, compared);
        if (compared is { Against.Length: > 0 } && against is null)
            Console.Error.WriteLine($"cresset: warning: no differences: '{compared.Against}', which they are taken from, has no figures.");
        if (compared is not null && figures.Count > 0) rows = Ordered(rows, figures[0], compared);
        List<string> head = ["setting", "runs", .. figures];
        if (against is not null) head.Add($"{figures[0]} - {against.Name}");
        if (compared is not null) head.Add("ms/step");
        var lines = rows.Select(r => Line(r, figures, against, compared is not null)).ToList();
        Output.Table(head, lines);
        if (rows.Any(r => r.Runs.Count > 1))
            Console.Out.WriteLine("± is the 95 % interval of the mean over seeds and folds (Student's t).");
        if (against is not null)
            Console.Out.WriteLine($"The difference from {against.Name} is that of runs with the same seed.");
        foreach (var (row, figure) in rows.SelectMany(r => figures.Take(1).Select(f => (r, f))))
        {
            if (row.Middle(figure) is { } middle)
                Console.Out.WriteLine(
                    $"{Setting(row)}: {figure}, interquartile mean {Output.Number(middle.Value)}, 95 % bootstrap band "
                        + $"{Output.Number(middle.Low)} to {Output.Number(middle.High)}");
        }
        var stem = Path.Combine(folder, "sweeps", PictureFile.Stem(sweep.Tag["sweep:".Length..]));
        Directory.CreateDirectory(Path.GetDirectoryName(stem)!);
        AtomicFile.WriteText(stem + ".md", Markdown([head, .. lines]));
        Console.Out.WriteLine($"table    {TrainingView.Relative(stem)}.md");
        if (Picture(rows, figures, against, compared is not null) is { } chart)
        {
            chart.Save(stem + ".png");
            Console.Out.WriteLine($"picture  {TrainingView.Relative(stem)}.png");
        }
        Console.Out.WriteLine($"The runs: cresset runs --filter {sweep.Tag.Replace("sweep:", "tag:sweep:", StringComparison.Ordinal)}");
    }

    private static void WriteJson(IReadOnlyList<SweepRow> rows, SweepRow? against) => Output.Json(rows.Select(r => new
    {
        Name = r.Name.Length == 0 ? null : r.Name,
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
            Difference = against is null ? null : r.DifferenceFrom(against, f.Key) is { } d ? (double[])[d.Mean, d.HalfWidth] : null,
        }),
        r.Failures,
    }));

    // Those that all runs have.
    private static List<string> Figures(IReadOnlyList<SweepRow> rows, RecipeComparison? compared)
    {
        var measured = rows.Where(r => r.Figures.Count > 0).ToList();
        if (measured.Count == 0) return [];
        var known = measured[0].Figures.Keys.Where(f => measured.TrueForAll(r => r.Figures.ContainsKey(f))).ToList();
        if (compared is not { Figures.Count: > 0 }) return [.. known.Take(Columns)];
        foreach (var missing in compared.Figures.Except(known))
            Console.Error.WriteLine(
                $"cresset: warning: the recipe's table wants '{missing}', and the runs have: {string.Join(", ", known)}.");
        return compared.Figures.Intersect(known).ToList() is { Count: > 0 } wanted ? wanted : [.. known.Take(Columns)];
    }

    private static IReadOnlyList<SweepRow> Ordered(IReadOnlyList<SweepRow> rows, string figure, RecipeComparison compared)
    {
        double Place(SweepRow row) => !row.Figures.TryGetValue(figure, out var value) ? double.PositiveInfinity
            : compared.HigherIsBetter ? -value.Mean : value.Mean;
        // Values that a search left behind ran once: they come after what was repeated.
        return [.. rows.OrderByDescending(r => r.Runs.Count).ThenBy(Place)];
    }

    private string[] Line(SweepRow row, List<string> figures, SweepRow? against, bool isCompared)
    {
        var line = new List<string>
        {
            Setting(row),
            string.Create(CultureInfo.InvariantCulture,
                $"{row.Runs.Count}{(row.Failures.Count == 0 ? "" : $" of {row.Runs.Count + row.Failures.Count}")}"),
        };
        line.AddRange(figures.Select(f => row.Figures.TryGetValue(f, out var figure)
            ? Output.Number(figure.Mean) + (row.Runs.Count < 2 ? "" : $" ± {Output.Number(row.HalfWidth(f))}") : "failed"));
        if (against is not null)
            line.Add(row.Words == against.Words ? "" : row.DifferenceFrom(against, figures[0]) is { } d
                ? $"{(d.Mean < 0 ? "" : "+")}{Output.Number(d.Mean)} ± {Output.Number(d.HalfWidth)}" : "-");
        if (isCompared) line.Add(sweep.StepMilliseconds(row) is { } time ? time.ToString("0.0", CultureInfo.InvariantCulture) : "-");
        return [.. line];
    }

    private Chart? Picture(IReadOnlyList<SweepRow> rows, List<string> figures, SweepRow? against, bool isCompared)
    {
        if (!isCompared) return SweepChart.Coordinates(rows, sweep.Tag);
        if (figures.Count == 0) return null;
        // Values that a search left behind ran once.
        var most = rows.Max(r => r.Runs.Count + r.Failures.Count);
        rows = [.. rows.Where(r => r.Runs.Count + r.Failures.Count == most)];
        return SweepChart.Comparison(rows, figures[0], against, sweep.Tag["sweep:".Length..]);
    }

    private static string Markdown(IReadOnlyList<IReadOnlyList<string>> lines)
    {
        static string Row(IEnumerable<string> cells) =>
            $"| {string.Join(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal)))} |\n";
        return Row(lines[0]) + $"|{string.Concat(Enumerable.Repeat("---|", lines[0].Count))}\n" + string.Concat(lines.Skip(1).Select(Row));
    }

    private string Setting(SweepRow row) => row.Words.Length == 0 ? recipe.Name : row.Words;

    private void SayFailures(IReadOnlyList<SweepRow> rows)
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
                    $"cresset:   {Setting(row)}{(reason.Count() > 1 ? $" ({reason.Count()} runs)" : "")}: {reason.Key}");
        }
    }
}
