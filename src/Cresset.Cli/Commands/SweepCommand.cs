using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Launch;
using Cresset.Cli.Terminal;
using Cresset.Distributed;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sweep</c>: a recipe with several settings, seeds and folds.</summary>
internal static class SweepCommand
{
    private static readonly string[] OfHalving = ["--goal", "--by", "--resource", "--factor"];

    public const string Summary = "Run a recipe with several settings, seeds and folds; mean and interval of each setting.";

    public static Command Create(PartCatalog known)
    {
        var recipe = new Argument<string>("RECIPE|FILE") { Description = "A recipe's name or a YAML file." };
        var words = new Argument<string[]>(
            "key=value,value")
        {
            Description =
                "Settings; several values are tried one after the other, in all combinations. seeds=N and folds=N are --seeds and --folds. "
                    + "A recipe that compares settings of its own needs none.",
            Arity = ArgumentArity.ZeroOrMore
        };
        var seeds = new Option<int>("--seeds") { Description = "Repeat each setting with the seeds 0, 1, ... up to this many." };
        var folds = new Option<int>("--folds") { Description = "Cross-validation: repeat on each of this many folds of the data." };
        var search = new Option<string>(
            "--search")
        {
            Description =
                "grid: all combinations; random: as many of them as --budget says; halving: all a short time, the best third three times "
                    + "as long, and so on.",
            DefaultValueFactory = _ => "grid",
            HelpName = "grid|random|halving"
        };
        var budget = new Option<int>(
            "--budget")
        {
            Description = "Settings that a random search tries, or that halving begins with (default there: all).",
            HelpName = "N"
        };
        var goal = new Option<string?>(
            "--goal")
        {
            Description = "For halving: whether the figure that decides is better when lower or higher.",
            HelpName = "min|max"
        };
        var by = new Option<string>("--by")
        {
            Description = "For halving: the figure that decides (default: the first).",
            DefaultValueFactory = _ => "",
            HelpName = "FIGURE"
        };
        var resource = new Option<string>("--resource")
        {
            Description = "For halving: the setting that says how long a run takes.",
            DefaultValueFactory = _ => new HalvingOptions().Resource,
            HelpName = "KEY"
        };
        var factor = new Option<int>(
            "--factor")
        {
            Description = "For halving: one setting of this many goes on, and gets so many times as long.",
            DefaultValueFactory = _ => new HalvingOptions().Factor,
            HelpName = "N"
        };
        var jobs = new Option<int>("--jobs",
            "-j")
        {
            Description =
                "Cells that run at the same time, in as many processes; 0: as many as there are cores. The results are the same.",
            DefaultValueFactory = _ => 1,
            HelpName = "N"
        };
        var cells = new Option<bool>("--cells") { Hidden = true };
        var round = new Option<int>("--round") { Hidden = true };
        var name = new Option<string?>(
            "--name")
        {
            Description = "Name of the sweep (default: the recipe's); begun again under the same name it goes on.",
            HelpName = "NAME"
        };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Show no progress." };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(known);
        var command = new Command("sweep", Summary)
        {
            recipe, words, seeds, folds, search, budget, goal, by, resource, factor, jobs, cells, round, name, quiet, with.Option, runs,
            json,
        };
        recipe.CompletesRecipe();
        words.CompletesRecipe(with, recipe);
        command.SetAction(result => RankedWork.Run(ranks =>
        {
            var catalog = with.Recipes(result);
            var named = catalog.Find(result.GetValue(recipe)!);
            var (axes, repeated, parts) = Sweep.Repetitions(named, [.. result.GetValue(words)!.Select(Sweep.Axis)],
                result.GetValue(seeds), result.GetValue(folds));
            var kind = result.GetValue(search)!;
            if (kind is not ("grid" or "random" or "halving"))
                throw new ArgumentException($"--search is '{kind}'; allowed: grid, random, halving.");
            if ((kind == "random" && result.GetValue(budget) == 0) || (kind == "grid" && result.GetValue(budget) > 0))
                throw new ArgumentException("--search random needs --budget N, the number of settings to try; a grid tries all.");
            if (kind != "halving" && result.Tokens.FirstOrDefault(t => OfHalving.Contains(t.Value.Split('=')[0])) is { } idle)
                throw new ArgumentException($"{idle.Value.Split('=')[0]} goes with --search halving; --search is {kind}.");
            if (result.GetValue(jobs) < 0)
                throw new ArgumentException($"--jobs is {result.GetValue(jobs)}; allowed: 1 or more, or 0 for one per core.");
            if (ranks.Size > 1 && result.GetValue(jobs) != 1)
                throw new ArgumentException($"{ranks.Size} ranks share the cells; leave out --jobs.");
            // Every combination is checked before the first run begins.
            ISweepRounds? rounds = kind == "halving"
                ? new Halving(named, axes, repeated, parts, result.GetValue(budget), new HalvingOptions
                {
                    Resource = result.GetValue(resource)!,
                    Factor = result.GetValue(factor),
                    Figure = result.GetValue(by)!,
                    HigherIsBetter = result.GetValue(goal) switch
                    {
                        "max" => true,
                        "min" => false,
                        var other =>
                            throw new ArgumentException($"--goal is '{other}'; allowed for halving: min (a loss) or max (an accuracy)."),
                    },
                })
                : named.Comparison is not null && kind == "grid"
                ? new ComparisonRounds(named, axes, repeated, parts) : null;
            var plan = rounds?.Round(0, null) ?? Sweep.Plan(named, axes, repeated, parts, result.GetValue(budget));
            // Rank 0 makes the store where it is not there yet.
            if (ranks.Rank > 0) ranks.Barrier();
            using var store = RunStore.Open(result.GetValue(runs)!);
            if (ranks.Rank == 0) ranks.Barrier();
            using var interruption = new Interruption(ranks.Rank > 0 || result.GetValue(cells) ? ""
                : "finishing the step and saving; the same command goes on; press Ctrl-C again to quit at once.");
            var silent = result.GetValue(quiet) || result.GetValue(json);
            using var view = new TrainingView(silent || ranks.Rank > 0, plain: ranks.Size > 1);
            var sweep = new Sweep(store, catalog, result.GetValue(name) ?? plan[0].Recipe.Name);
            var atOnce = result.GetValue(jobs) == 0 ? Environment.ProcessorCount : result.GetValue(jobs);
            var work = new SweepWork(store, sweep, ranks, atOnce, [.. result.Tokens.Select(t => t.Value)], silent);
            if (result.GetValue(cells))
            {
                var own = rounds is null ? plan : PlanOf(rounds, result.GetValue(round), sweep);
                return work.Serve(own, interruption.Token) ? ExitCode.Success : ExitCode.Interrupted;
            }
            var rows = rounds is null ? work.Run(plan, [], view, interruption.Token)
                : Rounds(rounds, work, view, silent || ranks.Rank > 0, interruption.Token);
            view.Dispose();
            if (rows is null)
            {
                if (ranks.Rank == 0) Console.Error.WriteLine("cresset: stopped; the same command goes on with it.");
                return ExitCode.Interrupted;
            }
            foreach (var notice in ranks.Rank == 0 ? sweep.DataNotices(rows) : []) Console.Error.WriteLine($"cresset: warning: {notice}");
            if (ranks.Rank == 0) new SweepReport(sweep, named, store.Folder).Write(rows, result.GetValue(json));
            return rows.Any(row => row.Failures.Count > 0) ? ExitCode.Failure : ExitCode.Success;
        }));
        return command.WithExamples(
            "cresset sweep digits-classifier lr=1e-3,3e-3 --seeds 3",
            "cresset sweep activation-study-language --jobs 0",
            "cresset sweep digits-classifier lr=log:1e-4..1e-2:5 wd=0,0.05 --jobs 0",
            "cresset sweep digits-classifier lr=log:1e-4..1e-1:30 model.dropout=lin:0..0.6:7 --search random --budget 20",
            "cresset sweep digits-classifier lr=log:1e-4..1e-1:27 --search halving --goal max",
            "cresset sweep digits-classifier optimizer=adamw,lion,muon trainer.steps=300",
            "cresset sweep mine.yaml --folds 5 --name cross-validation",
            "cresset launch -n 8 --host node1,node2 sweep mine.yaml lr=log:1e-4..1e-2:16");
    }

    // The last rows of all settings, those of the last round first.
    private static IReadOnlyList<SweepRow>? Rounds(ISweepRounds rounds, SweepWork work, TrainingView view, bool silent,
        CancellationToken cancellation)
    {
        IReadOnlyList<SweepRow> all = [];
        IReadOnlyList<SweepRow>? rows = null;
        for (var round = 0; round < rounds.Rounds; round++)
        {
            var plan = rounds.Round(round, rows);
            if (plan.Count == 0) break;
            if (!silent)
                Console.Out.WriteLine(
                    string.Create(CultureInfo.InvariantCulture,
                        $"round {round + 1} of {rounds.Rounds}  {plan.Count} runs: {rounds.Describe(round)}"));
            rows = work.Run(plan, ["--round", round.ToString(CultureInfo.InvariantCulture)], view, cancellation);
            if (rows is null) return null;
            all = rounds.Gather(round, rows, all);
        }
        return all;
    }

    // What the rounds before left over is in the store; what is not there failed, since a round begins when the one before has ended.
    private static IReadOnlyList<PlannedRun> PlanOf(ISweepRounds rounds, int round, Sweep sweep)
    {
        IReadOnlyList<SweepRow>? rows = null;
        for (var earlier = 0; earlier < round; earlier++)
        {
            var plan = rounds.Round(earlier, rows);
            var finished = sweep.Finished(plan);
            rows = Sweep.Rows(plan, finished,
                Enumerable.Range(0, plan.Count).Where(i => !finished.ContainsKey(i)).ToDictionary(i => i, _ => "failed"));
        }
        return rounds.Round(round, rows);
    }
}
