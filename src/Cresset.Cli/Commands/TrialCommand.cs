using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Cli.Commands;

/// <summary>What is to be tried before a training.</summary>
/// <param name="Words">Recipe and overrides.</param>
/// <param name="Dry">Everything once.</param>
/// <param name="Rate">Learning rates.</param>
/// <param name="Batch">Batch sizes.</param>
/// <param name="Resume">Not allowed beside it.</param>
/// <param name="Runs">Folder of the runs that init_from may name.</param>
internal sealed record Trial(string[] Words, bool Dry, bool Rate, bool Batch, string? Resume, string Runs);

/// <summary><c>cresset train --dry-run</c>, <c>--find-lr</c>, <c>--find-batch</c>: looks ahead and keeps nothing.</summary>
internal static class TrialCommand
{
    public static int Run(RecipeCatalog catalog, Trial trial, bool quiet, bool json)
    {
        if (trial.Resume is not null)
            throw new ArgumentException("--dry-run, --find-lr and --find-batch try a recipe; they do not go with --resume.");
        if ((trial.Dry ? 1 : 0) + (trial.Rate ? 1 : 0) + (trial.Batch ? 1 : 0) > 1)
            throw new ArgumentException("give one of --dry-run, --find-lr and --find-batch.");
        var recipe = TrainCommand.Resolve(catalog, trial.Words);
        using var interruption = new Interruption("stopping.");
        using var store = RunStore.Exists(trial.Runs) ? RunStore.OpenReadOnly(trial.Runs) : null;
        var runner = new RecipeRunner(store, catalog);
        if (trial.Rate) return Rates(RecipeRunner.FindRate(recipe, interruption.Token), json);
        if (trial.Batch) return Batches(RecipeRunner.FindBatch(recipe, interruption.Token), json);
        using var view = new TrainingView(quiet || json);
        var report = runner.DryRun(recipe, view, interruption.Token);
        view.Dispose();
        if (json)
        {
            Output.Json(report);
            return ExitCode.Success;
        }
        Console.Out.WriteLine($"{recipe.Name}: a step, an evaluation, pictures, a checkpoint and the way back from it work.");
        var waiting = report.WaitingShare >= 0.01
            ? $", {Output.Number(Math.Round(100 * report.WaitingShare))} % of it waiting for data"
            : "";
        Console.Out.WriteLine($"a step            {Output.Number(1000 * report.SecondsPerStep)} ms{waiting}");
        if (report.Expected is { } expected) Console.Out.WriteLine($"whole training    about {Output.Duration(expected)} on this machine");
        Console.Out.WriteLine($"memory            {Megabytes(report.PeakMemoryBytes)}");
        Console.Out.WriteLine($"a checkpoint      {Megabytes(report.CheckpointBytes)}");
        return ExitCode.Success;
    }

    private static int Rates(RateRange range, bool json)
    {
        if (json)
        {
            Output.Json(new { range.Suggestion, Points = range.Points.Select(p => new { p.Rate, p.Loss, p.Smooth }) });
            return ExitCode.Success;
        }
        Output.Table(["learning rate", "loss", "smoothed"],
            range.Points.Where((_, i) => i % Math.Max(1, range.Points.Count / 20) == 0)
                .Select(
                    p => (string[])[p.Rate.ToString("G3", CultureInfo.InvariantCulture), Output.Number(p.Loss), Output.Number(p.Smooth)]));
        Console.Out.WriteLine(double.IsNaN(range.Suggestion)
            ? "The loss never fell while the rate grew: no rate can be suggested."
            : string.Create(CultureInfo.InvariantCulture,
                $"The loss falls fastest at lr={range.Suggestion:G2}; train with: lr={range.Suggestion:G2}"));
        return ExitCode.Success;
    }

    private static int Batches(IReadOnlyList<BatchTrial> trials, bool json)
    {
        var best = BatchFinder.Best(trials);
        if (json)
        {
            Output.Json(new { Suggestion = best.BatchSize, Trials = trials });
            return ExitCode.Success;
        }
        Output.Table(["batch size", "examples/s", "memory"],
            trials.Select(
                t => (string[])[t.BatchSize.ToString(CultureInfo.InvariantCulture), Output.Number(Math.Round(t.ExamplesPerSecond)),
                    Megabytes(t.MemoryBytes)]));
        Console.Out.WriteLine($"The smallest batch within a twentieth of the fastest: batch_size={best.BatchSize}");
        return ExitCode.Success;
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, bytes >> 20)} MB");
}
