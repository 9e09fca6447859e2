using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary>
/// Verbs below <c>cresset runs</c> that change what the store says of runs: tag, note, rename, archive, rm, restore, empty-trash, import,
/// repair, ask.
/// </summary>
internal static class RunsEditCommands
{
    public static IEnumerable<Command> All() =>
        [Tag(), Note(), Rename(), Archive(), Remove(), Restore(), EmptyTrash(), Ask(), Import(), Repair()];

    private static Command Tag()
    {
        var run = SharedOptions.Run();
        var labels = new Argument<string[]>("LABEL")
        {
            Description = "Labels to add; -LABEL takes one away.",
            Arity = ArgumentArity.OneOrMore
        };
        return Edit("tag", "Label a run.", [run, labels], run, (store, id, result) =>
        {
            foreach (var label in result.GetValue(labels)!)
            {
                if (label.Length > 1 && label.StartsWith('-'))
                {
                    if (store.Get(id).Tags is var tags && !tags.Contains(label[1..]))
                        throw new ArgumentException(
                            $"{id} has no label '{label[1..]}'; it has: {(tags.Count > 0 ? string.Join(", ", tags) : "none")}.");
                    store.RemoveTag(id, label[1..]);
                }
                else store.AddTag(id, label);
            }
            return $"tags of {id}: {string.Join(", ", store.Get(id).Tags)}";
        }).WithExamples("cresset runs tag digits-classifier good baseline", "cresset runs tag digits-classifier -- -good");
    }

    private static Command Note()
    {
        var run = SharedOptions.Run();
        var words = new Argument<string[]>("WORDS")
        {
            Description = "The new note; without words the note is taken away.",
            Arity = ArgumentArity.ZeroOrMore
        };
        return Edit("note", "Write a note to a run.", [run, words], run, (store, id, result) =>
        {
            var note = string.Join(' ', result.GetValue(words)!);
            store.SetNote(id, note);
            return note.Length == 0 ? $"{id} has no note now" : $"note of {id}: {note}";
        }).WithExamples("cresset runs note digits-classifier \"with the new augmentation\"");
    }

    private static Command Rename()
    {
        var run = SharedOptions.Run();
        var name = new Argument<string>("NAME") { Description = "The new name; the id stays." };
        return Edit("rename", "Give a run another name.", [run, name], run, (store, id, result) =>
        {
            store.Rename(id, result.GetValue(name)!);
            return $"{id} is called {result.GetValue(name)} now";
        }).WithExamples("cresset runs rename digits-classifier-20260102 baseline");
    }

    private static Command Archive()
    {
        var run = SharedOptions.Run();
        var back = new Option<bool>("--undo") { Description = "List it again." };
        return Edit("archive", "Leave a run out of lists; nothing is deleted.", [run, back], run, (store, id, result) =>
        {
            store.SetArchived(id, !result.GetValue(back));
            return result.GetValue(back) ? $"{id} is listed again" : $"{id} is archived; 'cresset runs --all' lists it";
        }).WithExamples("cresset runs archive digits-classifier-20260102", "cresset runs archive digits-classifier-20260102 --undo");
    }

    private static Command Remove()
    {
        var run = SharedOptions.Run();
        var forGood = new Option<bool>("--for-good") { Description = "Delete at once instead of putting it into the trash." };
        return Edit("rm", "Put a run into the trash: it can be brought back until the trash is emptied.", [run, forGood], run,
            (store, id, result) =>
        {
            if (result.GetValue(forGood))
            {
                store.Delete(id);
                return $"deleted {id}";
            }
            store.Trash(id);
            return $"{id} is in the trash; back with: cresset runs restore {id}";
        }).WithExamples("cresset runs rm digits-classifier-20260102-1504", "cresset runs rm digits-classifier-20260102-1504 --for-good");
    }

    private static Command Restore()
    {
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("restore", "Bring a run back from the trash.") { run, runs };
        command.SetAction(result =>
        {
            using var store = Existing(result.GetValue(runs)!);
            Console.Out.WriteLine($"{store.Restore(result.GetValue(run)!)} is back");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs restore digits-classifier-20260102");
    }

    private static Command EmptyTrash()
    {
        var runs = SharedOptions.RunsFolder();
        var command = new Command("empty-trash", "Delete the runs in the trash for good.") { runs };
        command.SetAction(result =>
        {
            using var store = Existing(result.GetValue(runs)!);
            var count = store.EmptyTrash();
            if (count > 0) store.Compact();
            Console.Out.WriteLine(count == 1 ? "deleted 1 run" : $"deleted {count} runs");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs empty-trash");
    }

    private static Command Ask()
    {
        var run = SharedOptions.Run();
        var what = new Argument<string>("COMMAND") { Description = $"One of: {string.Join(", ", RunRequest.Commands)}." };
        var value = new Argument<string>("VALUE")
        {
            Description = "For rate: 1e-4, or x0.5 for half of what it is.",
            Arity = ArgumentArity.ZeroOrOne
        };
        return Edit("ask", "Ask something of a run that is being recorded: it obeys after its current step.", [run, what, value], run,
            (store, id, result) =>
        {
            store.Ask(id, result.GetValue(what)!, result.GetValue(value) ?? "");
            return $"asked {id} to {result.GetValue(what)}; its answer stands in: cresset runs show {id} --json";
        }).WithExamples("cresset runs ask digits-classifier stop", "cresset runs ask digits-classifier save",
            "cresset runs ask digits-classifier rate x0.5");
    }

    private static Command Repair()
    {
        var runs = SharedOptions.RunsFolder();
        var json = SharedOptions.Json();
        var command = new Command("repair",
            "Make a store right again from its folders: a damaged database, copied runs, leftovers of killed processes.") { runs, json };
        command.SetAction(result =>
        {
            var repair = RunStore.Repair(result.GetValue(runs)!);
            if (result.GetValue(json))
            {
                Output.Json(repair);
                return ExitCode.Success;
            }
            foreach (var id in repair.TakenIn) Console.Out.WriteLine($"taken in  {id}");
            foreach (var path in repair.Removed) Console.Out.WriteLine($"removed   {Output.Plain(path)}");
            foreach (var notice in repair.Notices) Console.Out.WriteLine(Output.Plain(notice));
            if (repair.TakenIn.Count + repair.Removed.Count + repair.Notices.Count == 0) Console.Out.WriteLine("Nothing to repair.");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs repair", "cresset runs repair --runs /mnt/old-machine/runs");
    }

    private static Command Import()
    {
        var logs = new Argument<string[]>("FOLDER")
        {
            Description = "Folders with TensorBoard event files in them or below.",
            Arity = ArgumentArity.OneOrMore
        };
        var runs = SharedOptions.RunsFolder();
        var json = SharedOptions.Json();
        var command = new Command("import",
            "Take TensorBoard logs of other programs in, to be listed, plotted and compared beside one's own runs.") { logs, runs, json };
        command.SetAction(result =>
        {
            var (imported, notices) = (new List<string>(), new List<string>());
            var found = result.GetValue(logs)!.SelectMany(root => Logs(root)).ToList();
            using var store = RunStore.Open(result.GetValue(runs)!);
            foreach (var (folder, name) in found) imported.Add(store.Import(folder, name, notices));
            foreach (var notice in notices) Console.Error.WriteLine("cresset: " + Output.Plain(notice));
            if (result.GetValue(json)) Output.Json(new { Imported = imported, Notices = notices });
            else foreach (var id in imported) Console.Out.WriteLine($"imported  {id}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset runs import lightning_logs/version_0",
            "cresset runs import lightning_logs  # every log below");
    }

    // The name says which of several logs it is: version_0 alone would not.
    private static IEnumerable<(string Folder, string Name)> Logs(string root)
    {
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"There is no folder '{root}'.");
        var parts = EventLog.FindFolders(root);
        if (parts.Count == 0) throw new InvalidDataException($"'{root}' holds no TensorBoard event files (*tfevents*), in it or below.");
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        return parts.Select(
            part => part == "." ? (full, Path.GetFileName(full))
                : (Path.Combine(full, part), $"{Path.GetFileName(full)}-{part.Replace(Path.DirectorySeparatorChar, '-')}"));
    }

    private static Command Edit(string name, string summary, IEnumerable<Symbol> symbols, Argument<string> run,
        Func<RunStore, string, ParseResult, string> work)
    {
        var runs = SharedOptions.RunsFolder();
        var command = new Command(name, summary) { runs };
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        command.SetAction(result =>
        {
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Write();
            Console.Out.WriteLine(Output.Plain(work(store, store.Find(place.Name).Id, result)));
            return ExitCode.Success;
        });
        return command;
    }

    private static RunStore Existing(string folder)
        => RunStore.Exists(folder) ? RunStore.Open(folder)
            : throw new DirectoryNotFoundException($"There are no runs in '{Path.GetFullPath(folder)}'; name the folder with --runs.");
}
