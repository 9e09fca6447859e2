using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset eval RUN</c>: the figures of a run's best checkpoint, computed anew.</summary>
internal static class EvalCommand
{
    public static Command Create(PartCatalog parts)
    {
        var run = SharedOptions.Run();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("eval", "Evaluate a run's best checkpoint on its held-out data.") { run, with.Option, runs, json };
        command.SetAction(result =>
        {
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            using var interruption = new Interruption("stopping.");
            using var view = new TrainingView(result.GetValue(json));
            TrainCommand.Report(new RecipeRunner(store, with.Recipes(result)).Evaluate(result.GetValue(run)!, view, interruption.Token), result.GetValue(json));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset eval digits-classifier", "cresset eval digits-classifier --json");
    }
}
