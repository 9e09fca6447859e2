using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl sweep METHOD</c>: error on the 19-state walk by n or lambda and step size, as a chart.</summary>
internal static class RlSweepCommand
{
    private static readonly string[] Methods = ["n-step", "accumulating", "replacing", "true-online", "offline-lambda"];

    public static Command Create()
    {
        var method = new Argument<string>("METHOD") { Description = "One of " + string.Join(", ", Methods) + "." };
        var repetitions = new Option<int>("--repetitions") { Description = "Runs per point.", DefaultValueFactory = _ => 100 };
        var runs = SharedOptions.RunsFolder();
        var json = SharedOptions.Json();
        var command = new Command("sweep",
            "Sweep n (or lambda) and the step size on the 19-state walk: figures 7.2 and 12.3 to 12.8 of Sutton and Barto.") { method,
                repetitions, runs, json };
        command.SetAction(result =>
        {
            var name = result.GetValue(method)!;
            if (result.GetValue(repetitions) < 1)
                throw new ArgumentException($"--repetitions is {result.GetValue(repetitions)}; allowed: at least 1.");
            if (!Methods.Contains(name))
                throw new ArgumentException(
                    $"There is no method '{name}'.{NearestName.Suggest(name, Methods)} Known: {string.Join(", ", Methods)}.");
            using var interruption = new Interruption("stopping.");
            return Sweep(name, result.GetValue(repetitions), result.GetValue(runs)!, result.GetValue(json), interruption.Token);
        });
        return command.WithExamples("cresset rl sweep n-step", "cresset rl sweep true-online --repetitions 500");
    }

    private static int Sweep(string method, int repetitions, string runsFolder, bool json, CancellationToken cancellation)
    {
        var options = new WalkSweepOptions
        {
            Method = Enum.GetValues<WalkMethod>()[Array.IndexOf(Methods, method)],
            Parameters = method == "n-step" ? [1, 2, 4, 8, 16, 32, 64, 128] : [0, 0.4, 0.8, 0.9, 0.95, 0.99, 1],
            Runs = repetitions,
        };
        var points = new List<SweepPoint>();
        using (var view = new TrainingView(json))
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            var total = options.Swept.Count * options.StepSizes.Count;
            foreach (var point in WalkSweepJob.Points(options, cancellation))
            {
                points.Add(point);
                view.Report(new WorkReport(points.Count, total, "point", "", watch.Elapsed / points.Count * (total - points.Count)));
            }
        }
        using var store = RunStore.Open(runsFolder);
        using var run = store.Begin($"walk19-{method}", "rl-sweep",
            new Dictionary<string, string> { ["method"] = method, ["repetitions"] = repetitions.ToString(CultureInfo.InvariantCulture) });
        var chart = WalkSweepJob.Chart(options.Method, points, $"19-state walk, {method}, first 10 episodes");
        var path = Path.Combine(run.Folder, "sweep.png");
        chart.Save(path);
        run.Picture("sweep", 0, chart.ToPng());
        var best = points.MinBy(p => p.Mean);
        run.Finish(RunStatus.Finished,
            new Dictionary<string, double>
            {
                ["best_error"] = best.Mean,
                ["best_parameter"] = best.Parameter,
                ["best_alpha"] = best.StepSize
            });
        if (json)
        {
            Output.Json(new { run.Id, run.Folder, Points = points, Picture = path });
            return ExitCode.Success;
        }
        Output.Table(
            [method == "n-step" ? "n" : "lambda", "best alpha", "error", "standard error"],
            points.GroupBy(p => p.Parameter).Select(g => g.MinBy(p => p.Mean))
                .Select(
                    p => (IReadOnlyList<string>)[Output.Number(p.Parameter), Output.Number(p.StepSize), Output.Number(p.Mean),
                        Output.Number(p.StandardError)]));
        Console.Out.WriteLine("wrote " + path);
        return ExitCode.Success;
    }
}
