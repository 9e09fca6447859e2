using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset eval RUN</c>: the figures of a run's best checkpoint, computed anew.</summary>
internal static class EvalCommand
{
    public const string Summary = "Evaluate a run's best checkpoint on its held-out data.";

    public static Command Create(PartCatalog parts)
    {
        var run = SharedOptions.Run();
        var changes = new Argument<string[]>("KEY=VALUE")
        {
            Description = "Where the run's data lie now (data.path=PLACE), and the device (trainer.device=cpu).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("eval", Summary) { run, changes, with.Option, runs, json };
        command.SetAction(result =>
        {
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Folder is null ? place.Read() : null;
            using var interruption = new Interruption("stopping.");
            using var view = new TrainingView(result.GetValue(json));
            TrainCommand.Report(
                new RecipeRunner(store, with.Recipes(result)).Evaluate(place.Folder ?? place.Name, view, result.GetValue(changes),
                    interruption.Token),
                result.GetValue(json));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset eval digits-classifier", "cresset eval digits-classifier --json",
            "cresset eval /mnt/usb/digits-classifier-20260102-150405-ab12", "cresset eval my-flowers data.path=/mnt/usb/flowers");
    }
}
