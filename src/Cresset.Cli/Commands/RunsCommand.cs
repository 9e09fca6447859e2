using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset runs</c>: what was recorded.</summary>
internal static class RunsCommand
{
    public static Command Create()
    {
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var text = new Option<string?>("--filter", "-f") { Description = "Only runs with this text in id, name, note or tag.", HelpName = "TEXT" };
        var limit = new Option<int>("--limit", "-n") { Description = "At most this many.", DefaultValueFactory = _ => 30 };
        var command = new Command("runs", "List the recorded runs, newest first.") { text, limit, runs, json };
        command.SetAction(result =>
        {
            if (result.GetValue(limit) < 1) throw new ArgumentException($"--limit is {result.GetValue(limit)}; allowed: 1 or more.");
            return List(result.GetValue(runs)!, new RunQuery { Text = result.GetValue(text), Limit = result.GetValue(limit) }, result.GetValue(json));
        });
        command.Add(Show());
        command.Add(Remove());
        command.Add(Export());
        return command.WithExamples("cresset runs", "cresset runs show digits-classifier", "cresset runs export digits-classifier --format csv -o curves.csv", "cresset runs rm digits-classifier-2026");
    }

    private static int List(string folder, RunQuery query, bool json)
    {
        if (!RunStore.Exists(folder))
        {
            if (json) Output.Json(Array.Empty<object>());
            else Console.Out.WriteLine($"No runs in {Path.GetFullPath(folder)} yet; 'cresset train' makes one.");
            return ExitCode.Success;
        }
        using var store = RunStore.OpenReadOnly(folder);
        var list = store.List(query);
        if (json) Output.Json(list);
        else
        {
            Output.Table(["run", "status", "began", "time", "result"], list.Select(r => new[]
            {
                r.Id,
                r.Status.ToString().ToLowerInvariant(),
                r.Created.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                Output.Duration(r.ActiveTime),
                string.Join("  ", r.Summary.Take(2).Select(s => $"{s.Key} {Output.Number(s.Value)}")),
            }));
        }
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
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            var info = store.Find(result.GetValue(run)!);
            if (result.GetValue(json))
            {
                Output.Json(new { Run = info, Config = store.Config(info.Id), Environment = store.EnvironmentOf(info.Id), Series = store.Series(info.Id), Pictures = store.Pictures(info.Id) });
                return ExitCode.Success;
            }
            Console.Out.WriteLine($"{info.Id}\n  status   {info.Status.ToString().ToLowerInvariant()}{(info.Message.Length > 0 ? ": " + info.Message : "")}");
            Console.Out.WriteLine($"  began    {info.Created.ToLocalTime():yyyy-MM-dd HH:mm:ss}, recorded for {Output.Duration(info.ActiveTime)} in {info.Sessions} session{(info.Sessions == 1 ? "" : "s")}");
            Console.Out.WriteLine($"  folder   {info.Folder}");
            if (info.Note.Length > 0) Console.Out.WriteLine($"  note     {info.Note}");
            if (info.Tags.Count > 0) Console.Out.WriteLine($"  tags     {string.Join(", ", info.Tags)}");
            if (info.Summary.Count > 0) Output.Table(["result", "value"], info.Summary.Select(s => new[] { s.Key, Output.Number(s.Value) }));
            Output.Table(["series", "points", "last step", "last"], store.Series(info.Id).Select(s => new[] { s.Tag, s.Count.ToString(CultureInfo.InvariantCulture), s.Last.Step.ToString(CultureInfo.InvariantCulture), Output.Number(s.Last.Value) }));
            Output.Table(["setting", "value"], store.Config(info.Id).Select(c => new[] { c.Key, c.Value }));
            foreach (var picture in store.Pictures(info.Id)) Console.Out.WriteLine($"  picture  {picture.Path}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs show digits-classifier", "cresset runs show digits-classifier --json");
    }

    private static Command Remove()
    {
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("rm", "Delete a run: its folder with checkpoints and pictures, and its rows.") { run, runs };
        command.SetAction(result =>
        {
            using var store = RunStore.Open(ExistingStore(result.GetValue(runs)!));
            var info = store.Find(result.GetValue(run)!);
            store.Delete(info.Id);
            Console.Out.WriteLine($"deleted {info.Id}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs rm digits-classifier-20260102-1504");
    }

    private static Command Export()
    {
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var format = new Option<string>("--format") { Description = "csv (one row a point) or json (everything).", DefaultValueFactory = _ => "csv" };
        format.AcceptOnlyFromAmong("csv", "json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write (default: standard output).", HelpName = "FILE" };
        var command = new Command("export", "Write a run's points as CSV or everything as JSON.") { run, format, output, runs };
        command.SetAction(result =>
        {
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            var id = store.Find(result.GetValue(run)!).Id;
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
        return command.WithExamples("cresset runs export digits-classifier -o curves.csv", "cresset runs export digits-classifier --format json");
    }

    private static string ExistingStore(string folder)
        => RunStore.Exists(folder) ? folder : throw new DirectoryNotFoundException($"There are no runs in '{Path.GetFullPath(folder)}'; name the folder with --runs.");
}
