using System.CommandLine;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq</c>: pictures and sounds to a file of packed codes and back.</summary>
internal static class VqCommand
{
    public static Command Create() => new("vq", "Turn pictures and sounds into packed codes and back with a trained tokenizer.") { VqEncodeCommand.Create(), VqDecodeCommand.Create(), Export() };

    public static Argument<string> Tokenizer()
        => new Argument<string>("TOKENIZER") { Description = "A run with a tokenizer (its id, the beginning of it, its name, or its folder), or a file that 'cresset vq export' wrote." }.CompletesRun();

    public static Option<string?> Prior()
        => new Option<string?>("--prior") { Description = "Run of a prior over this tokenizer's codes: codes are range-coded by it where that is smaller.", HelpName = "RUN" }.CompletesRun();

    /// <summary>The prior of a run, which must know the codes of this very tokenizer.</summary>
    public static CodePriorRun? OpenPrior(RunStore store, string? run, TokenizerRun tokenizer)
    {
        if (run is null) return null;
        var prior = CodePriorRun.Open(store, run);
        if (prior.Tokenizer.HasWeightsOf(tokenizer)) return prior;
        prior.Dispose();
        throw new ArgumentException($"--prior {prior.Id} was trained on the codes of its own tokenizer, not of {tokenizer.Id}; name {prior.Id} as the tokenizer too.");
    }

    private static Command Export()
    {
        var run = Tokenizer();
        var output = new Option<string>("--output", "-o") { Description = "File to write.", HelpName = "FILE", DefaultValueFactory = _ => "tokenizer.safetensors" };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var runs = SharedOptions.RunsFolder();
        var command = new Command("export", "Write a tokenizer to one file that needs no run: weights, options, channels, rate.") { run, output, force, runs };
        command.SetAction(result =>
        {
            var path = result.GetValue(output)!;
            CheckFree(path, result.GetValue(force));
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            using var tokenizer = TokenizerRun.OpenAny(store, result.GetValue(run)!);
            tokenizer.Save(path);
            Console.WriteLine($"{path}: {new FileInfo(path).Length} bytes");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq export vqvae-fashion -o fashion.safetensors", "cresset vq encode fashion.safetensors pictures/");
    }

    public static void CheckFree(string path, bool force)
    {
        if (File.Exists(path) && !force) throw new ArgumentException($"{path} exists; add --force to replace it, or name another file with --output.");
    }
}
