using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Distributed;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset train</c>: runs a recipe, or goes on with a run.</summary>
internal static class TrainCommand
{
    public const string DefaultRecipe = "sd3-garments";

    public const string Summary = "Run a recipe: train a model, record the run, keep checkpoints and pictures.";

    public static Command Create(PartCatalog parts)
    {
        var words = new Argument<string[]>("RECIPE|FILE key=value")
        {
            Description =
                $"A recipe's name (see 'cresset list') or a YAML file, then overrides such as trainer.steps=500. Without a recipe: "
                    + $"{DefaultRecipe}.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var resume =
            new Option<string?>(
                "--resume")
            {
                Description =
                    "Go on with a stopped or killed run from its newest checkpoint, or extend a finished one (trainer.steps=6000).",
                HelpName = "RUN"
            }.CompletesRun();
        var print = new Option<bool>("--print-config") { Description = "Print the resolved recipe and do nothing." };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Show no progress." };
        var watch = new Option<bool>("--watch", "-w") { Description = "Show the run in a browser while it goes on; prints the address." };
        var dry = new Option<bool>(
            "--dry-run")
        {
            Description =
                "Try everything once (a step, an evaluation, pictures, a checkpoint, the way back from it), say how long training will "
                    + "take, keep nothing."
        };
        var findRate = new Option<bool>("--find-lr") { Description = "Find a learning rate by a range test, and keep nothing." };
        var findBatch = new Option<bool>("--find-batch") { Description = "Find a batch size by doubling it, and keep nothing." };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("train", Summary) { words, resume, watch, dry, findRate, findBatch, print, quiet, with.Option, runs,
            json };
        words.CompletesRecipe(with);
        command.SetAction(result => (result.GetValue(dry), result.GetValue(findRate), result.GetValue(findBatch)) is (false, false, false)
            ? RankedWork.Run(
                ranks =>
                    Run(with.Recipes(result), result.GetValue(words)!, result.GetValue(resume), result.GetValue(print),
                        result.GetValue(quiet), result.GetValue(runs)!, result.GetValue(json),
                        result.GetValue(watch) ? result.GetValue(with.Option) ?? [] : null, ranks))
            : RankPlace.OfEnvironment().Size != 1
            ? throw new NotSupportedException("--dry-run, --find-lr and --find-batch run in one process; leave out mpirun or 'launch'.")
            : result.GetValue(print) || result.GetValue(watch)
            ? throw new ArgumentException(
                "--dry-run, --find-lr and --find-batch record nothing: they go with neither --watch nor --print-config.")
            : TrialCommand.Run(with.Recipes(result),
                new Trial(result.GetValue(words)!, result.GetValue(dry), result.GetValue(findRate), result.GetValue(findBatch),
                    result.GetValue(resume), result.GetValue(runs)!), result.GetValue(quiet), result.GetValue(json)));
        return command.WithExamples(
            "cresset train",
            "cresset train --watch",
            "cresset train digits-classifier trainer.steps=300 seed=7",
            "cresset train my-recipe.yaml optimizer=lion lr=3e-4 schedule=wsd",
            "cresset train --with bin/Release/net10.0/My.dll mine.yaml",
            "cresset train digits-classifier --dry-run",
            "cresset train digits-classifier trainer.init_from=other-run trainer.freeze=[features]",
            "cresset train --resume digits-classifier",
            "cresset train --resume digits-classifier trainer.steps=800",
            "mpirun -n 4 cresset train sd3-fashion      (see also 'cresset launch')");
    }

    private static int Run(RecipeCatalog catalog, string[] words, string? resume, bool print, bool quiet, string runsFolder, bool json,
        string[]? watched, ICommunicator ranks)
    {
        // A job that is started again goes on with the run that it had begun, whatever its words say.
        var runFile = Environment.GetEnvironmentVariable(LaunchCommand.RunFileVariable);
        var begun = runFile is { Length: > 0 } && File.Exists(runFile) ? File.ReadAllText(runFile) : null;
        if (ranks.Size > 1) begun = ranks.BroadcastText(begun);
        if (begun is { Length: > 0 }) (resume, words) = (begun, []);
        if (words.FirstOrDefault(w => w.StartsWith('-')) is { } unknown)
            throw new ArgumentException($"unknown option '{unknown}'; see 'cresset train --help'.");
        ResolvedRecipe? recipe = null;
        if (resume is not null && print)
            throw new ArgumentException(
                "--print-config prints a recipe and does not go with --resume; a run's own settings are in its config.yaml.");
        if (resume is null)
        {
            recipe = Resolve(catalog, words);
            if (print)
            {
                Console.Out.Write(recipe.ToYaml());
                return ExitCode.Success;
            }
            if (ranks.Rank == 0 && catalog.Find(NameIn(words)).Comparison is { Settings.Count: var settings })
                Console.Error.WriteLine(
                    $"cresset: this trains the recipe as it stands; cresset sweep {NameIn(words)} compares its {settings} settings.");
        }
        else if (words.FirstOrDefault(w => !w.Contains('=', StringComparison.Ordinal)) is { } recipeName)
        {
            throw new ArgumentException(
                $"--resume goes on with the run's own recipe and takes no '{recipeName}'; write key=value to change a setting, for example "
                    + $"trainer.steps=6000.");
        }

        if (ranks.Rank > 0) return Follow(catalog, recipe, ranks);
        // A run to resume must exist already: a mistyped folder shall not be made.
        var place = resume is null ? null : RunPlace.Of(resume, runsFolder);
        using var store = new LateStore(() => place is null ? RunStore.Open(runsFolder) : place.Write());
        // A training that is refused leaves no empty store behind; one that is there is looked at first.
        if (place is not null || watched is not null || RunStore.Exists(runsFolder)) store.Open();
        string? current = null;
        using var interruption = new Interruption(
            "finishing the step and saving; press Ctrl-C again to quit at once.",
            () =>
            {
                if (current is not null) store.Open().Ask(current, RunRequest.Save);
            });
        using var view = new TrainingView(quiet || json, plain: ranks.Size > 1);
        using var dashboard = watched is not null ? new WatchedRun(store.Open().Folder, watched) : null;
        var runner = new RecipeRunner(store.Opened, catalog) { Ranks = ranks, OpenStore = store.Open };
        void Announce(Run run)
        {
            current = run.Id;
            if (runFile is { Length: > 0 }) AtomicFile.WriteText(runFile, run.Folder);
            if (!quiet && !json)
                Console.Out.WriteLine($"{(run.WasResumed ? "resuming" : "run")}  {run.Id}  ({TrainingView.Relative(run.Folder)})");
            // Said even to --quiet and --json, on the other stream: without the address there is nothing to watch.
            if (dashboard is not null) Console.Error.WriteLine($"watch  {dashboard.AddressOf(run.Id)}");
        }
        var result = recipe is not null
            ? runner.Train(recipe, Announce, view, interruption.Token)
            : runner.Resume(place!.Name, words, Announce, view, interruption.Token);
        view.Dispose();
        Report(result, json);
        dashboard?.Linger(interruption.Token);
        if (result.Outcome.Completed) return ExitCode.Success;
        Console.Error.WriteLine(
            $"cresset: stopped; go on with: cresset train --resume "
                + $"{(place?.Folder is { } folder ? TrainingView.Relative(folder) : result.RunId)}");
        return ExitCode.Interrupted;
    }

    // What is recorded, said and saved is rank 0's; this one computes with it, and stops when any rank is told to.
    private static int Follow(RecipeCatalog catalog, ResolvedRecipe? recipe, ICommunicator ranks)
    {
        using var interruption = new Interruption("", save: () => { });
        var runner = new RecipeRunner(null, catalog) { Ranks = ranks };
        var result = recipe is null ? runner.Resume("", cancellation: interruption.Token)
            : runner.Train(recipe, cancellation: interruption.Token);
        return result.Outcome.Completed ? ExitCode.Success : ExitCode.Interrupted;
    }

    /// <summary>The recipe that words name, with the overrides that follow.</summary>
    public static ResolvedRecipe Resolve(RecipeCatalog catalog, string[] words)
    {
        var name = NameIn(words);
        var overrides = words.Where((w, i) => !(i == 0 && w == name)).ToArray();
        if (overrides.FirstOrDefault(o => !o.Contains('=', StringComparison.Ordinal)) is { } stray)
            throw new ArgumentException($"'{stray}' is not an override; write key=value, for example trainer.steps=500.");
        return catalog.Find(name).Resolve(overrides);
    }

    private static string NameIn(string[] words) =>
        words.Length > 0 && !words[0].Contains('=', StringComparison.Ordinal) ? words[0] : DefaultRecipe;

    /// <summary>The last lines of train, eval and sample: figures, pictures, folder.</summary>
    public static void Report(RecipeResult result, bool json)
    {
        if (json)
        {
            Output.Json(new
            {
                Run = result.RunId,
                result.Folder,
                result.Outcome.Completed,
                result.Outcome.Metrics,
                result.Outcome.Pictures,
                result.Curves,
                result.Outcome.Table
            });
            return;
        }
        if (result.Outcome.Table is { } table) Console.Out.WriteLine(table);
        var width = result.Outcome.Metrics.Keys.Select(k => k.Length).Append(16).Max();
        foreach (var (name, value) in result.Outcome.Metrics) Console.Out.WriteLine($"{name.PadRight(width)} {Output.Number(value)}");
        foreach (var picture in result.Outcome.Pictures)
            Console.Out.WriteLine($"{"picture".PadRight(width)} {TrainingView.Relative(picture)}");
        if (result.Curves.Count > 0)
            Console.Out.WriteLine(
                $"{"curves".PadRight(width)} {TrainingView.Relative(Path.GetDirectoryName(result.Curves[0])!)}  "
                    + $"({string.Join(", ", result.Curves.Select(Path.GetFileNameWithoutExtension))})");
        Console.Out.WriteLine($"{"run folder".PadRight(width)} {TrainingView.Relative(result.Folder)}");
    }

    // The store of a training, opened when it is first needed.
    private sealed class LateStore(Func<RunStore> open) : IDisposable
    {
        public RunStore? Opened { get; private set; }

        public RunStore Open() => Opened ??= open();

        public void Dispose() => Opened?.Dispose();
    }
}
