using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Launch;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sweep</c>: a recipe with several settings, seeds and folds.</summary>
internal static class SweepCommand
{
    public static Command Create(PartCatalog parts)
    {
        var recipe = new Argument<string>("RECIPE|FILE") { Description = "A recipe's name or a YAML file." };
        var words = new Argument<string[]>("key=value,value") { Description = "Settings; several values are tried one after the other, in all combinations.", Arity = ArgumentArity.ZeroOrMore };
        var seeds = new Option<int>("--seeds") { Description = "Repeat each setting with the seeds 0, 1, ... up to this many." };
        var folds = new Option<int>("--folds") { Description = "Cross-validation: repeat on each of this many folds of the data." };
        var search = new Option<string>("--search") { Description = "grid: all combinations; random: as many of them as --budget says.", DefaultValueFactory = _ => "grid", HelpName = "grid|random" };
        var budget = new Option<int>("--budget") { Description = "Settings that a random search tries.", HelpName = "N" };
        var jobs = new Option<int>("--jobs", "-j") { Description = "Cells that run at the same time, each a process; 0: as many as there are cores. The results are the same.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var cell = new Option<int?>("--cell") { Hidden = true };
        var name = new Option<string?>("--name") { Description = "Name of the sweep (default: the recipe's); begun again under the same name it goes on.", HelpName = "NAME" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Show no progress." };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("sweep", "Run a recipe with several settings, seeds and folds; mean and spread of each setting.") { recipe, words, seeds, folds, search, budget, jobs, cell, name, quiet, with.Option, runs, json };
        recipe.CompletesRecipe();
        words.CompletesRecipe(with, recipe);
        command.SetAction(result =>
        {
            var catalog = with.Recipes(result);
            var named = catalog.Find(result.GetValue(recipe)!);
            var axes = result.GetValue(words)!.Select(Sweep.Axis).ToList();
            var isRandom = result.GetValue(search) switch
            {
                "grid" => false,
                "random" => true,
                var other => throw new ArgumentException($"--search is '{other}'; allowed: grid, random."),
            };
            if (isRandom != result.GetValue(budget) > 0) throw new ArgumentException("--search random needs --budget N, the number of settings to try; a grid tries all.");
            if (result.GetValue(jobs) < 0) throw new ArgumentException($"--jobs is {result.GetValue(jobs)}; allowed: 1 or more, or 0 for one a core.");
            // Every combination is checked before the first run begins.
            var plan = Sweep.Plan(named, axes, result.GetValue(seeds), result.GetValue(folds), result.GetValue(budget));
            using var store = RunStore.Open(result.GetValue(runs)!);
            using var interruption = new Interruption("finishing the step and saving; the same command goes on; press Ctrl-C again to quit at once.");
            var silent = result.GetValue(quiet) || result.GetValue(json);
            using var view = new TrainingView(silent);
            var sweep = new Sweep(store, catalog, result.GetValue(name) ?? plan[0].Recipe.Name);
            void Announce(int number, int count, string setting, Run run)
            {
                if (!silent) Console.Out.WriteLine($"run {number} of {count}  {setting}  {run.Id}");
            }
            if (result.GetValue(cell) is { } index)
            {
                using var quietly = new TrainingView(quiet: true);
                return sweep.RunCell(plan, index, Announce, quietly, interruption.Token) ? ExitCode.Success : ExitCode.Interrupted;
            }
            var atOnce = result.GetValue(jobs) == 0 ? Environment.ProcessorCount : result.GetValue(jobs);
            IReadOnlyList<SweepRow>? rows;
            if (atOnce == 1)
            {
                rows = sweep.Run(plan, Announce, view, interruption.Token);
            }
            else
            {
                var code = CellFarm.Run(sweep.Unfinished(plan), atOnce, [.. result.Tokens.Select(t => t.Value)], interruption.Token);
                if (code is not (ExitCode.Success or ExitCode.Interrupted)) return code;
                rows = sweep.Rows(plan);
            }
            view.Dispose();
            if (rows is null)
            {
                Console.Error.WriteLine("cresset: stopped; the same command goes on with it.");
                return ExitCode.Interrupted;
            }
            if (result.GetValue(json))
            {
                Output.Json(rows.Select(r => new { r.Overrides, r.Runs, Figures = r.Figures.ToDictionary(f => f.Key, f => new { f.Value.Mean, f.Value.Deviation }) }));
                return ExitCode.Success;
            }
            var figures = rows[0].Figures.Keys.Where(f => rows.All(r => r.Figures.ContainsKey(f))).Take(6).ToList();
            Output.Table(["setting", "runs", .. figures], rows.Select(r => (string[])[
                r.Overrides.Count == 0 ? plan[0].Recipe.Name : string.Join(' ', r.Overrides),
                r.Runs.Count.ToString(CultureInfo.InvariantCulture),
                .. figures.Select(f => Output.Number(r.Figures[f].Mean) + (double.IsNaN(r.Figures[f].Deviation) ? "" : $" ± {Output.Number(r.Figures[f].Deviation)}"))]));
            if (Sweep.Picture(rows, sweep.Tag) is { } chart)
            {
                var path = Path.Combine(store.Folder, "sweeps", $"{PictureFile.Stem(sweep.Tag["sweep:".Length..])}.png");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                chart.Save(path);
                Console.Out.WriteLine($"picture  {TrainingView.Relative(path)}");
            }
            Console.Out.WriteLine($"The runs: cresset runs --filter {sweep.Tag.Replace("sweep:", "tag:sweep:", StringComparison.Ordinal)}");
            return ExitCode.Success;
        });
        return command.WithExamples(
            "cresset sweep digits-classifier lr=1e-3,3e-3 --seeds 3",
            "cresset sweep digits-classifier lr=log:1e-4..1e-2:5 wd=0,0.05 --jobs 0",
            "cresset sweep digits-classifier lr=log:1e-4..1e-1:30 model.dropout=lin:0..0.6:7 --search random --budget 20",
            "cresset sweep digits-classifier optimizer=adamw,lion,muon trainer.steps=300",
            "cresset sweep mine.yaml --folds 5 --name cross-validation");
    }
}
