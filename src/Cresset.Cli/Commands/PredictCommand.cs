using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset predict RUN FILES</c>: what a trained model says about files.</summary>
internal static class PredictCommand
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create(PartCatalog parts)
    {
        var run = new Argument<string>("RUN") { Description = "A run (its id, the beginning of it, or its name), the folder of one, or a model.safetensors." }.CompletesRun();
        var files = new Argument<string[]>("FILES") { Description = "Pictures, or tables with the columns of the training's.", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--output", "-o") { Description = "A .csv or .json file, or a folder for pictures.", HelpName = "PATH" };
        var force = new Option<bool>("--force") { Description = "Replace files that exist." };
        var alarms = new Option<double?>("--alarm-rate") { Description = "Densities: the share of ordinary inputs that may be called anomalies (default 0.01).", HelpName = "SHARE" };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("predict", "Ask a trained model about files: class, number, density and anomaly score, mask or enlarged picture, with the training's preprocessing.")
        {
            run, files, alarms, output, force, with.Option, json, runs,
        };
        command.SetAction(result =>
        {
            using var interruption = new Interruption("stopping.");
            using var model = TrainedModel.Open(PathOf(result.GetValue(run)!, result.GetValue(runs)!), with.Of(result));
            if (result.GetValue(alarms) is { } rate) SetAlarms(model, rate);
            var target = result.GetValue(output);
            if (target is not null && File.Exists(target) && !result.GetValue(force)) throw new ArgumentException($"{target} exists; add --force to replace it.");
            var answers = new List<Prediction>();
            foreach (var answer in model.Predict(result.GetValue(files)!))
            {
                interruption.Token.ThrowIfCancellationRequested();
                answers.Add(answer.Picture is { } picture ? Keep(answer, picture, target, result.GetValue(force)) : answer);
            }
            var isTable = target is not null && answers.All(a => a.Picture is null);
            var text = result.GetValue(json) || target?.EndsWith(".json", StringComparison.OrdinalIgnoreCase) == true ? Json(answers) : Csv(answers);
            if (!isTable) Console.Out.Write(text);
            else
            {
                AtomicFile.WriteText(target!, text);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target}: {answers.Count} answers"));
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset predict digits-classifier seven.png", "cresset predict my-flowers photos/*.jpg -o answers.csv", "cresset predict prices new-houses.csv --json", "cresset predict my-density points.csv --alarm-rate 0.01 -o scores.csv");
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
        if (File.Exists(run) || File.Exists(Path.Combine(run, "model.safetensors"))) return run;
        using var store = RunStore.OpenReadOnly(runs);
        return store.Find(run).Folder;
    }

    // A picture goes into the folder under its input's name; the answer that is printed says where.
    private static Prediction Keep(Prediction answer, byte[] picture, string? folder, bool force)
    {
        var path = Path.Combine(folder ?? "predicted", Path.GetFileNameWithoutExtension(answer.Input) + ".png");
        if (Path.GetFullPath(path) == Path.GetFullPath(answer.Input)) throw new ArgumentException($"{path} is the input itself; name another folder with --output.");
        if (File.Exists(path) && !force) throw new ArgumentException($"{path} exists; add --force to replace it, or name another folder with --output.");
        AtomicFile.WriteBytes(path, picture);
        return answer with { Class = answer.Class ?? path };
    }

    private static string Json(List<Prediction> answers) => JsonSerializer.Serialize(
        answers.Select(a => new Dictionary<string, object?>
        {
            ["input"] = a.Input,
            [a.Picture is null ? "class" : "picture"] = a.Class,
            ["probability"] = a.Probability,
            ["probabilities"] = a.Probabilities,
            [a.ValueName] = a.Value,
            ["anomaly_score"] = a.AnomalyScore,
            ["anomaly"] = a.IsAnomaly,
            ["shares"] = a.Shares,
        }.Where(p => p.Value is not null).ToDictionary()),
        Readable) + Environment.NewLine;

    private static string Csv(List<Prediction> answers)
    {
        var text = new StringBuilder();
        var first = answers[0];
        string[] names = [.. (first.Probabilities ?? first.Shares)?.Keys ?? []];
        List<string> head = ["input"];
        if (first.Class is not null) head.Add(first.Picture is null ? "class" : "picture");
        if (first.Probability is not null) head.Add("probability");
        if (first.Value is not null) head.Add(first.ValueName);
        if (first.AnomalyScore is not null) head.AddRange(["anomaly_score", "anomaly"]);
        text.AppendJoin(',', head.Concat(names).Select(Cell)).Append('\n');
        foreach (var answer in answers)
        {
            List<string> cells = [answer.Input];
            if (answer.Class is { } named) cells.Add(named);
            if (answer.Probability is { } p) cells.Add(Number(p));
            if (answer.Value is { } value) cells.Add(Number(value));
            if (answer.AnomalyScore is { } score) cells.AddRange([Number(score), answer.IsAnomaly == true ? "yes" : "no"]);
            var all = answer.Probabilities ?? answer.Shares;
            text.AppendJoin(',', cells.Concat(names.Select(n => Number(all![n]))).Select(Cell)).Append('\n');
        }
        return text.ToString();
    }

    private static string Number(double value) => value.ToString("G7", CultureInfo.InvariantCulture);

    // RFC 4180.
    private static string Cell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
