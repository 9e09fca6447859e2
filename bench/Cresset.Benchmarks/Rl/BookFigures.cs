using System.Globalization;
using System.Text.Json;
using Cresset.Rl;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// The whole grids of figures 7.2 and 12.3 to 12.8 (n or lambda by step size on the 19-state walk) with many runs, against the means of an
/// independent simulator: the long version of the figure tests. Prints the cells furthest off in standard errors.
/// </summary>
internal static class BookFigures
{
    public static int Run(string[] args)
    {
        var runs = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
        var file = Path.Combine(Root(), "tests", "References", "rl", "learning_curves.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        double[] alphas = [.. Enumerable.Range(1, 10).Select(i => i / 10.0)];
        var worst = 0.0;
        var nStep = document.RootElement.GetProperty("random_walk19_nstep_td").GetProperty("table");
        worst = Math.Max(worst,
            Compare("n-step", nStep,
                RandomWalkSweep.NStep(nStep.EnumerateObject().Select(n => int.Parse(n.Name, CultureInfo.InvariantCulture)), alphas, runs)));
        foreach (var table in document.RootElement.GetProperty("random_walk19_td_lambda").GetProperty("table").EnumerateObject())
        {
            TraceKind? kind = table.Name switch
            {
                "accumulating" => TraceKind.Accumulating,
                "replacing" => TraceKind.Replacing,
                "true_online" => TraceKind.TrueOnline,
                _ => null,
            };
            var lambdas = table.Value.EnumerateObject().Select(l => double.Parse(l.Name, CultureInfo.InvariantCulture));
            worst = Math.Max(worst, Compare(table.Name, table.Value, RandomWalkSweep.Lambda(kind, lambdas, alphas, runs)));
        }
        Console.WriteLine($"largest distance {worst:0.0} standard errors");
        return worst < 5 ? 0 : 1;
    }

    private static double Compare(string name, JsonElement table, IEnumerable<SweepPoint> points)
    {
        var (cells, worst, where) = (0, 0.0, "");
        foreach (var point in points)
        {
            var golden = table.GetProperty(point.Parameter.ToString(CultureInfo.InvariantCulture))
                .GetProperty(point.StepSize.ToString("0.0", CultureInfo.InvariantCulture));
            var mean = golden.GetProperty("mean").GetDouble();
            // Diverging cells have no useful spread.
            if (mean > 2) continue;
            cells++;
            var error = Math.Sqrt(Math.Pow(golden.GetProperty("se").GetDouble(), 2) + Math.Pow(point.StandardError, 2)) + 1e-6;
            var distance = Math.Abs(point.Mean - mean) / error;
            if (distance > worst)
                (worst, where) = (distance,
                    string.Create(CultureInfo.InvariantCulture,
                        $"{point.Parameter}, alpha {point.StepSize}: {point.Mean:0.0000} against {mean:0.0000}"));
        }
        Console.WriteLine($"{name,-24} {cells,3} cells, furthest {worst:0.0} standard errors ({where})");
        return worst;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(Environment.CurrentDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Cresset.slnx"))) folder = folder.Parent;
        return folder?.FullName
            ?? throw new DirectoryNotFoundException("Run this inside the repository: Cresset.slnx is not above the current folder.");
    }
}
