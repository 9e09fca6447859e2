using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset runs plot</c> and <c>cresset runs compare</c>: curves, and figures side by side.</summary>
internal static class RunsPlotCommand
{
    public static Command Plot()
    {
        var names = new Argument<string[]>("RUN")
        {
            Description = "Runs: ids, beginnings of them, names or folders.",
            Arity = ArgumentArity.OneOrMore
        }.CompletesRun();
        var tags = new Option<string[]>("--series",
            "-t")
        {
            Description = "Series to draw, such as train/loss; the end of a name will do (default: losses and evaluations).",
            HelpName = "TAG",
            Arity = ArgumentArity.ZeroOrMore
        };
        var smoothing = new Option<double?>(
            "--smoothing")
        { Description = "Weight of the smoothing, 0 to below 1 (default: 0.9 for training losses, else none)." };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "A PNG or SVG file instead of the terminal.",
            HelpName = "FILE"
        };
        var runs = SharedOptions.RunsFolder();
        var command = new Command("plot", "Draw curves of runs, in the terminal or as a picture.") { names, tags, smoothing, output, runs };
        command.SetAction(result =>
        {
            if (result.GetValue(smoothing) is { } weight && weight is not (>= 0 and < 1))
                throw new ArgumentException($"--smoothing is {weight}; allowed: 0 to below 1.");
            var (store, list) = Open(result.GetValue(names)!, result.GetValue(runs)!);
            using (store)
            {
                var lines =
                    list.SelectMany(
                        run => Tags(store, run, result.GetValue(tags) ?? [], result.GetValue(output) is not null).Select(tag => (run, tag)))
                        .ToList();
                if (lines.Count == 0)
                    throw new InvalidDataException($"Nothing to draw: {string.Join(", ", list.Select(r => r.Id))} recorded no series yet.");
                if (result.GetValue(output) is { } path)
                {
                    RunCurves.Draw(store, lines, result.GetValue(smoothing)).Save(path);
                    Console.Out.WriteLine(path);
                    return ExitCode.Success;
                }
                foreach (var (run, tag) in lines)
                {
                    var points = RunCurves.Read(store, run.Id, tag);
                    if (result.GetValue(smoothing) is > 0 and { } share)
                    {
                        var smooth = Smoothing.Smooth(points.Select(p => p.Value).ToArray(), share);
                        points = [.. points.Select((p, i) => (p.Step, smooth[i]))];
                    }
                    foreach (var line in TerminalChart.Draw(Output.Plain(list.Count > 1 ? $"{run.Id}  {tag}" : tag), points))
                        Console.Out.WriteLine(line);
                    Console.Out.WriteLine();
                }
                return ExitCode.Success;
            }
        });
        return command.WithExamples("cresset runs plot digits-classifier", "cresset runs plot digits-classifier --series accuracy",
            "cresset runs plot run-a run-b --series train/loss -o losses.svg");
    }

    public static Command Compare()
    {
        var names = new Argument<string[]>("RUN")
        {
            Description = "Two runs or more: ids, beginnings of them, names or folders.",
            Arity = ArgumentArity.OneOrMore
        }.CompletesRun();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("compare", "Figures of runs side by side, and the settings in which they differ.") { names, runs, json };
        command.SetAction(result =>
        {
            if (result.GetValue(names)!.Length < 2) throw new ArgumentException("compare needs two runs or more.");
            var (store, list) = Open(result.GetValue(names)!, result.GetValue(runs)!);
            using (store)
            {
                var settings = Different(list.Select(r => store.Config(r.Id)).ToList());
                var surroundings = Different(list.Select(r => store.EnvironmentOf(r.Id)).ToList(), "command", "directory");
                var figures = list.SelectMany(r => r.Summary.Keys).Distinct().ToList();
                foreach (var notice in RunComparison.DataNotices(store, list)) Console.Error.WriteLine($"cresset: warning: {notice}");
                if (result.GetValue(json))
                {
                    Output.Json(new
                    {
                        Runs = list.Select(r => r.Id),
                        Figures = figures.ToDictionary(f => f,
                            f => list.Select(r => r.Summary.TryGetValue(f, out var v) ? v : (double?)null)),
                        Settings = settings,
                        Environment = surroundings
                    });
                    return ExitCode.Success;
                }
                string[] columns = ["", .. list.Select(r => r.Id)];
                Output.Table(columns,
                    figures.Select(f => (string[])[f, .. list.Select(r => r.Summary.TryGetValue(f, out var v) ? Output.Number(v) : "-")]));
                if (settings.Count > 0) Output.Table(["setting", .. columns[1..]], settings.Select(s => (string[])[s.Key, .. s.Value]));
                else Console.Out.WriteLine("All settings are the same.");
                if (surroundings.Count > 0)
                    Output.Table(["environment", .. columns[1..]], surroundings.Select(s => (string[])[s.Key, .. s.Value]));
                return ExitCode.Success;
            }
        });
        return command.WithExamples("cresset runs compare digits-classifier-20260102 digits-classifier-20260103");
    }

    private static (RunStore Store, List<RunInfo> Runs) Open(string[] names, string runs)
    {
        var places = names.Select(name => RunPlace.Of(name, runs)).ToList();
        var folders = places.Select(p => Path.GetFullPath(p.Store)).Distinct().ToList();
        if (folders.Count > 1)
            throw new ArgumentException(
                $"The runs lie in several stores ({string.Join(", ", folders)}); copy them into one folder, where 'cresset runs repair' "
                    + $"takes them in.");
        var store = places[0].Read();
        try
        {
            return (store, places.Select(p => store.Find(p.Name)).DistinctBy(r => r.Id).ToList());
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private static List<string> Tags(RunStore store, RunInfo run, string[] asked, bool isOnePicture)
    {
        var all = store.Series(run.Id).Where(s => s.Count > 0).Select(s => s.Tag).ToList();
        if (asked.Length == 0)
        {
            var losses = all.Where(t => t == "loss" || t.EndsWith("/loss", StringComparison.Ordinal)).ToList();
            // One picture shows one quantity.
            if (isOnePicture) return losses.Count > 0 ? losses : [.. all.Take(1)];
            var usual = losses.Concat(all.Where(t => t.Contains("eval/", StringComparison.Ordinal))).Distinct().ToList();
            return usual.Count > 0 ? usual : [.. all.Take(6)];
        }
        var found = asked.SelectMany(a => all.Contains(a) ? [a] : all.Where(t => t.EndsWith("/" + a, StringComparison.Ordinal))).Distinct()
            .ToList();
        return found.Count > 0 ? found
            : throw new ArgumentException(
                $"{run.Id} has no series '{asked[0]}'.{NearestName.Suggest(asked[0], all)} It has: {string.Join(", ", all.Take(20))}.");
    }

    private static Dictionary<string, string[]> Different(List<IReadOnlyDictionary<string, string>> all, params string[] except)
        => all.SelectMany(c => c.Keys).Distinct().Except(except).Order(StringComparer.Ordinal)
            .Select(key => (key, values: all.Select(c => c.GetValueOrDefault(key, "-")).ToArray()))
            .Where(s => s.values.Distinct().Count() > 1).ToDictionary(s => s.key, s => s.values);
}
