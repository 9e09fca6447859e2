using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset runs</c>: what was recorded.</summary>
internal static class RunsCommand
{
    public const string Summary = "List the recorded runs, newest first.";

    public static Command Create()
    {
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var text = new Option<string?>("--filter", "-f")
        {
            Description =
                "Only runs that fit: a word, or conditions such as \"lr<1e-3 and tag:good\", \"(accuracy>=0.9 or status:running) and "
                    + "not tag:old\".",
            HelpName = "CONDITION",
        };
        var sort = new Option<string?>("--sort",
            "-s")
        {
            Description = "Sort by created, name, status, time, or a figure or series such as accuracy; -KEY for smallest first.",
            HelpName = "KEY"
        };
        var all = new Option<bool>("--all", "-a") { Description = "Archived runs too." };
        var limit = new Option<int>("--limit", "-n") { Description = "At most this many.", DefaultValueFactory = _ => 30 };
        var command = new Command("runs", Summary) { text, sort, all, limit, runs, json };
        command.SetAction(result =>
        {
            if (result.GetValue(limit) < 1) throw new ArgumentException($"--limit is {result.GetValue(limit)}; allowed: 1 or more.");
            var query = new RunQuery
            {
                Where = result.GetValue(text),
                Limit = result.GetValue(limit),
                IncludeArchived = result.GetValue(all)
            };
            return List(result.GetValue(runs)!, Sorted(query, result.GetValue(sort)), result.GetValue(json));
        });
        command.Add(Show());
        command.Add(RunsPlotCommand.Plot());
        command.Add(RunsPlotCommand.Compare());
        foreach (var edit in RunsEditCommands.All()) command.Add(edit);
        command.Add(Export());
        return command.WithExamples(
            "cresset runs",
            "cresset runs --filter \"lr<1e-3 and tag:good\" --sort accuracy",
            "cresset runs show digits-classifier",
            "cresset runs plot digits-classifier",
            "cresset runs compare digits-classifier-20260102 digits-classifier-20260103",
            "cresset runs export digits-classifier --format csv -o curves.csv");
    }

    private static RunQuery Sorted(RunQuery query, string? key)
    {
        if (key is null) return query;
        var ascending = key.StartsWith('-');
        var name = ascending ? key[1..] : key;
        if (name.Length == 0) throw new ArgumentException($"--sort is '{key}'; name a column, figure or series.");
        return (name switch
        {
            "created" or "began" => query with { Order = RunOrder.Created },
            "name" => query with { Order = RunOrder.Name },
            "status" => query with { Order = RunOrder.Status },
            "time" => query with { Order = RunOrder.ActiveTime },
            _ => query with { Order = RunOrder.Figure, OrderKey = name },
        }) with
        { Descending = !ascending };
    }

    private static int List(string folder, RunQuery query, bool json)
    {
        if (!RunStore.Exists(folder) && !(Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any(RunFolder.Is)))
        {
            if (File.Exists(folder))
                throw new ArgumentException($"--runs is '{folder}', which is a file; expected the folder that holds the runs.");
            if (json) Output.Json(Array.Empty<object>());
            else Console.Out.WriteLine($"No runs in {Path.GetFullPath(folder)} yet; 'cresset train' makes one.");
            return ExitCode.Success;
        }
        using var store = RunStore.OpenReadOnly(folder);
        var list = store.List(query);
        foreach (var unknown in store.UnknownKeys(query)) Console.Error.WriteLine($"cresset: {Output.Plain(unknown)}");
        if (json)
        {
            Output.Json(list);
            return ExitCode.Success;
        }
        Output.Table(["run", "status", "began", "time", "result", "tags"], list.Select(r => new[]
        {
            r.Id,
            r.Status.ToString().ToLowerInvariant(),
            r.Created.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
            Output.Duration(r.ActiveTime),
            // The headline comes first in a summary.
            string.Join("  ", r.Summary.Take(2).Select(s => $"{s.Key} {Output.Number(s.Value)}")),
            string.Join(", ", r.Tags),
        }));
        if (list.Count == query.Limit) Console.Out.WriteLine($"The first {list.Count} only; --limit shows more.");
        var missing = store.NotTakenIn;
        if (missing.Count > 0)
            Console.Error.WriteLine(
                $"cresset: {missing.Count} folder{(missing.Count == 1 ? "" : "s")} here look{(missing.Count == 1 ? "s" : "")} like a run "
                    + $"but cannot be listed ({Output.Plain(Path.GetFileName(missing[0]))}{(missing.Count > 1 ? ", ..." : "")}); 'cresset "
                    + $"runs repair' says why.");
        return ExitCode.Success;
    }

    private static Command Show()
    {
        var run = SharedOptions.Run();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("show", "Everything known of one run.") { run, runs, json };
        command.SetAction(result =>
        {
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Read();
            var info = store.Find(place.Name);
            if (result.GetValue(json))
            {
                Output.Json(new
                {
                    Run = info,
                    Config = store.Config(info.Id),
                    Environment = store.EnvironmentOf(info.Id),
                    Series = store.Series(info.Id),
                    Pictures = store.Pictures(info.Id),
                    Requests = store.Requests(info.Id)
                });
                return ExitCode.Success;
            }
            Console.Out.WriteLine(
                $"{info.Id}\n  status   "
                    + $"{info.Status.ToString().ToLowerInvariant()}{(info.Message.Length > 0 ? ": " + Output.Plain(info.Message) : "")}");
            Console.Out.WriteLine(
                $"  began    {info.Created.ToLocalTime():yyyy-MM-dd HH:mm:ss}, recorded for {Output.Duration(info.ActiveTime)} in "
                    + $"{info.Sessions} session{(info.Sessions == 1 ? "" : "s")}");
            Console.Out.WriteLine($"  folder   {Output.Plain(info.Folder)}");
            if (info.Note.Length > 0) Console.Out.WriteLine($"  note     {Output.Plain(info.Note)}");
            if (info.Tags.Count > 0) Console.Out.WriteLine($"  tags     {Output.Plain(string.Join(", ", info.Tags))}");
            if (info.Summary.Count > 0)
                Output.Table(["result", "value"], info.Summary.Select(s => new[] { s.Key, Output.Number(s.Value) }));
            Output.Table(["series", "points", "last step", "last"],
                store.Series(info.Id)
                    .Select(
                        s => new[] { s.Tag, s.Count.ToString(CultureInfo.InvariantCulture),
                            s.Last.Step.ToString(CultureInfo.InvariantCulture), Output.Number(s.Last.Value) }));
            Output.Table(["setting", "value"], store.Config(info.Id).Select(c => new[] { c.Key, c.Value }));
            Output.Table(["environment", "value"], store.EnvironmentOf(info.Id).Select(c => new[] { c.Key, c.Value }));
            foreach (var picture in store.Pictures(info.Id)) Console.Out.WriteLine($"  picture  {Output.Plain(picture.Path)}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs show digits-classifier",
            "cresset runs show /mnt/usb/digits-classifier-20260102-150405-ab12 --json");
    }

    private static Command Export()
    {
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var format = new Option<string>("--format")
        {
            Description = "csv (one row per point) or json (everything).",
            DefaultValueFactory = _ => "csv"
        };
        format.AcceptOnlyFromAmong("csv", "json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write (default: standard output).", HelpName = "FILE" };
        var command = new Command("export", "Write a run's points as CSV or everything as JSON.") { run, format, output, runs };
        command.SetAction(result =>
        {
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Read();
            var id = store.Find(place.Name).Id;
            void Write(Stream stream)
            {
                if (result.GetValue(format) == "json")
                {
                    store.ExportJson(id, stream);
                    return;
                }
                using var writer = new StreamWriter(stream, leaveOpen: true);
                store.ExportCsv(id, writer);
            }
            if (result.GetValue(output) is { } path) Numerics.AtomicFile.Write(path, Write);
            else
            {
                using var stdout = Console.OpenStandardOutput();
                Write(stdout);
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs export digits-classifier -o curves.csv",
            "cresset runs export digits-classifier --format json");
    }
}
