using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sample RUN</c>: draws from a trained model.</summary>
internal static class SampleCommand
{
    public const string Summary = "Draw samples from a run's best checkpoint.";

    public static Command Create(PartCatalog parts)
    {
        var run = SharedOptions.Run();
        var conditions = new Argument<string[]>("PROMPT")
        {
            Description = "Prompts or class names, where the model takes them.",
            Arity = ArgumentArity.ZeroOrMore
        };
        var count = new Option<int>("--count", "-n") { Description = "How many samples (default: the model's own number)." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the draw; the same seed draws the same." };
        var temperature = new Option<double>("--temperature")
        {
            Description = "Below 1: safer samples; above 1: more varied.",
            DefaultValueFactory = _ => 1
        };
        var guidance = new Option<double?>("--guidance")
        {
            Description = "How closely pictures follow classes or prompts, in place of the recipe's model.guidance.",
            HelpName = "W"
        };
        var length = new Option<int>("--length") { Description = "Texts: how many tokens to draw (default: the model's own number)." };
        var topK = new Option<int>("--top-k") { Description = "Texts: draw among so many of the likeliest tokens (default: all)." };
        var topP = new Option<double>(
            "--top-p")
        {
            Description = "Texts: draw among the likeliest tokens that together have this probability.",
            DefaultValueFactory = _ => 1
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Folder for the files (default: samples/ in the run's folder).",
            HelpName = "FOLDER"
        };
        var format = new Option<string>("--format")
        {
            Description = "png: pictures to look at; gif: a frame for each sample; npy, csv, safetensors: the samples themselves.",
            DefaultValueFactory = _ => "png",
        };
        format.AcceptOnlyFromAmong([.. Enum.GetNames<SampleFormat>().Select(n => n.ToLowerInvariant())]);
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command("sample", Summary) { run, conditions, count, seed, temperature, guidance, length, topK, topP, format,
            output, with.Option, runs, json };
        command.SetAction(result =>
        {
            if (result.GetValue(count) < 0)
                throw new ArgumentException($"--count is {result.GetValue(count)}; allowed: 0 (the model's own number) or more.");
            if (!(result.GetValue(temperature) >= 0))
                throw new ArgumentException($"--temperature is {result.GetValue(temperature)}; allowed: 0 or more.");
            if (result.GetValue(length) < 0)
                throw new ArgumentException($"--length is {result.GetValue(length)}; allowed: 0 (the model's own number) or more.");
            if (result.GetValue(topK) < 0) throw new ArgumentException($"--top-k is {result.GetValue(topK)}; allowed: 0 (all) or more.");
            if (!(result.GetValue(topP) is > 0 and <= 1))
                throw new ArgumentException($"--top-p is {result.GetValue(topP)}; allowed: above 0 and at most 1.");
            // A folder named s.png would look like the picture.
            if (result.GetValue(output) is { } named && Endings.Contains(Path.GetExtension(named), StringComparer.OrdinalIgnoreCase)
                && !Directory.Exists(named))
                throw new ArgumentException(
                    $"--output is '{named}'; the files have names of their own, with the step they come from: name a folder.");
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Folder is null ? place.Read() : null;
            using var interruption = new Interruption("stopping.");
            using var view = new TrainingView(result.GetValue(json));
            var folder = result.GetValue(output) is { } given ? Path.GetFullPath(given) : null;
            var request = new SampleRequest(result.GetValue(count), result.GetValue(seed), result.GetValue(conditions),
                result.GetValue(temperature), folder)
            {
                Format = Enum.Parse<SampleFormat>(result.GetValue(format)!, ignoreCase: true),
                Length = result.GetValue(length),
                TopK = result.GetValue(topK),
                TopP = result.GetValue(topP),
                Guidance = result.GetValue(guidance),
                Written = result.GetValue(json) ? null : Write,
            };
            TrainCommand.Report(
                new RecipeRunner(store, with.Recipes(result)).Sample(place.Folder ?? place.Name, request, view, interruption.Token),
                result.GetValue(json));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sample sd3-garments sneaker \"an ankle boot\"", "cresset sample sd3-digits seven three",
            "cresset sample transformer-digits-words \"a handwritten seven\" --guidance 2",
            "cresset sample glow-digits --temperature 0.7 --seed 1 -n 64", "cresset sample my-table -n 1000 --format csv -o drawn/",
            "cresset sample gpt-shakespeare \"ROMEO:\" --length 400 --temperature 0.8 --top-k 40");
    }

    private static IEnumerable<string> Endings => Enum.GetNames<SampleFormat>().Append("txt").Select(n => "." + n);

    // As it is drawn, so that a long text can be read while it grows.
    private static void Write(string piece)
    {
        Console.Out.Write(piece);
        Console.Out.Flush();
    }
}
