using System.CommandLine;
using System.Globalization;
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
        var name = new Option<string?>("--name") { Description = "Name of the sweep (default: the recipe's); begun again under the same name it goes on.", HelpName = "NAME" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Show no progress." };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("sweep", "Run a recipe with several settings, seeds and folds; mean and spread of each setting.") { recipe, words, seeds, folds, name, quiet, with.Option, runs, json };
        recipe.CompletesRecipe();
        words.CompletesRecipe(with, recipe);
        command.SetAction(result =>
        {
            var catalog = with.Recipes(result);
            var named = catalog.Find(result.GetValue(recipe)!);
            var axes = result.GetValue(words)!.Select(Sweep.Axis).ToList();
            // Every combination is checked before the first run begins.
            var plan = Sweep.Plan(named, axes, result.GetValue(seeds), result.GetValue(folds));
            using var store = RunStore.Open(result.GetValue(runs)!);
            using var interruption = new Interruption("finishing the step and saving; the same command goes on; press Ctrl-C again to quit at once.");
            var silent = result.GetValue(quiet) || result.GetValue(json);
            using var view = new TrainingView(silent);
            var sweep = new Sweep(store, catalog, result.GetValue(name) ?? plan[0].Recipe.Name);
            var rows = sweep.Run(
                plan,
                (number, count, setting, run) =>
                {
                    if (!silent) Console.Out.WriteLine($"run {number} of {count}  {setting}  {run.Id}");
                },
                view,
                interruption.Token);
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
            Console.Out.WriteLine($"The runs: cresset runs --filter {sweep.Tag.Replace("sweep:", "tag:sweep:", StringComparison.Ordinal)}");
            return ExitCode.Success;
        });
        return command.WithExamples(
            "cresset sweep digits-classifier lr=1e-3,3e-3 --seeds 3",
            "cresset sweep digits-classifier optimizer=adamw,lion,muon trainer.steps=300",
            "cresset sweep mine.yaml --folds 5 --name cross-validation");
    }
}
