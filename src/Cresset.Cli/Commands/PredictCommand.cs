using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset predict RUN FILES</c>: what a trained model says about files.</summary>
internal static class PredictCommand
{
    public const string Summary = "Ask a trained model about files: class, number, density and anomaly score, posterior, mask, "
        + "objects, enlarged picture, action or codes, with the training's preprocessing.";

    public static Command Create(PartCatalog parts)
    {
        var run =
            new Argument<string>(
                "RUN")
            {
                Description =
                    "A run (its id, the beginning of it, or its name), the folder of one, or a model.safetensors."
            }.CompletesRun();
        var files = new Argument<string[]>(
            "FILES")
        {
            Description =
                "Pictures, or tables with the columns of the training's (of an agent: one number of the observation a column, and "
                    + "allowed0, allowed1 ... where its world forbids actions by state).",
            Arity = ArgumentArity.OneOrMore
        };
        var output = new Option<string?>("--output",
            "-o")
        { Description = "A .csv or .json file, or a folder for pictures (default: predicted).", HelpName = "PATH" };
        var force = SharedOptions.Force();
        var alarms = new Option<double?>(
            "--alarm-rate")
        {
            Description = "Densities: the share of ordinary inputs that may be called anomalies (default 0.01).",
            HelpName = "SHARE"
        };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("predict", Summary)
        {
            run, files, alarms, output, force, with.Option, json, runs,
        };
        command.SetAction(result =>
        {
            using var interruption = new Interruption("stopping.");
            using var model = TrainedModel.Open(PathOf(result.GetValue(run)!, result.GetValue(runs)!), with.Of(result));
            if (result.GetValue(alarms) is { } rate) SetAlarms(model, rate);
            var target = result.GetValue(output);
            if (target is not null && File.Exists(target) && !result.GetValue(force))
                throw new ArgumentException($"{target} exists; add --force to replace it.");
            var inputs = result.GetValue(files)!;
            var (answers, kept) = (new List<Prediction>(), new List<string?>());
            var isText = target?.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) == true
                || target?.EndsWith(".json", StringComparison.OrdinalIgnoreCase) == true;
            List<string>? places = null;
            foreach (var answer in model.Predict(inputs))
            {
                interruption.Token.ThrowIfCancellationRequested();
                if (answer.Picture is { } picture && !isText)
                {
                    places ??= Places(inputs, target ?? "predicted", result.GetValue(force));
                    AtomicFile.WriteBytes(places[answers.Count], picture);
                    kept.Add(places[answers.Count]);
                }
                else if (isText && answer is { Picture: not null, Shares: null, Objects: null })
                    throw new ArgumentException($"--output {target}: the answers are pictures; name a folder.");
                else kept.Add(null);
                // What was written need not stay in memory.
                answers.Add(answer with { Picture = null });
            }
            if (answers.Count == 0) throw new InvalidDataException($"{string.Join(", ", inputs.Take(3))}: no rows, so no answers.");
            if (answers.Exists(a => a.Objects is not null))
            {
                ShowFound(answers, kept, target, isText, result.GetValue(json));
                return ExitCode.Success;
            }
            var text = result.GetValue(json) || target?.EndsWith(".json", StringComparison.OrdinalIgnoreCase) == true
                ? PredictionText.Json(answers, kept) : PredictionText.Csv(answers, kept);
            if (target is null || places is not null) Console.Out.Write(text);
            else
            {
                AtomicFile.WriteText(target, text);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target}: {answers.Count} answers"));
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset predict digits-classifier seven.png", "cresset predict my-flowers photos/*.jpg -o answers.csv",
            "cresset predict prices new-houses.csv --json", "cresset predict my-density points.csv --alarm-rate 0.01 -o scores.csv",
            "cresset predict dqn-cartpole observations.csv", "cresset predict vqvae-digits seven.png --json",
            "cresset predict detector-digits photos/*.png -o found.json");
    }

    private static void ShowFound(List<Prediction> answers, List<string?> kept, string? target, bool isText, bool json)
    {
        var asJson = json || target?.EndsWith(".json", StringComparison.OrdinalIgnoreCase) == true;
        var text = asJson ? FoundText.Json(answers) : FoundText.Csv(answers, kept);
        if (!isText)
        {
            Console.Out.Write(text);
            return;
        }
        AtomicFile.WriteText(target!, text);
        var found = answers.Sum(a => a.Objects?.Count ?? 0);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target}: {found} objects in {answers.Count} pictures"));
    }

    private static void SetAlarms(TrainedModel model, double rate)
    {
        try
        {
            model.AlarmRate = rate;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ArgumentException($"--alarm-rate {rate.ToString(CultureInfo.InvariantCulture)}: {e.Message.Split('\n')[0]}", e);
        }
    }

    private static string PathOf(string run, string runs)
    {
        if (File.Exists(run) || RunFolder.Is(run) || File.Exists(Path.Combine(run, "model.safetensors"))) return run;
        using var store = RunStore.OpenReadOnly(runs);
        return store.Find(run).Folder;
    }

    // Pictures go into the folder under their inputs' names; the answers say where. Nothing is written before all places are known to be
    // free.
    private static List<string> Places(IReadOnlyList<string> inputs, string folder, bool force)
    {
        var places = inputs.Select(input => Path.Combine(folder, Path.GetFileNameWithoutExtension(input) + ".png")).ToList();
        for (var i = 0; i < places.Count; i++)
        {
            if (Path.GetFullPath(places[i]) == Path.GetFullPath(inputs[i]))
                throw new ArgumentException($"{places[i]} is the input itself; name another folder with --output.");
            if (places.IndexOf(places[i]) is var first && first < i)
                throw new ArgumentException(
                    $"{inputs[first]} and {inputs[i]} would both become {places[i]}; ask about them one after the other, with an --output "
                        + $"folder for each.");
            if (File.Exists(places[i]) && !force)
                throw new ArgumentException($"{places[i]} exists; add --force to replace it, or name another folder with --output.");
        }
        return places;
    }
}
