using System.CommandLine;
using System.Globalization;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq</c>: pictures and sounds to a file of packed codes and back.</summary>
internal static class VqCommand
{
    public const string Summary = "Turn pictures and sounds into packed codes and back with a trained tokenizer.";

    public static Command Create(PartCatalog parts) => new("vq", Summary) { VqEncodeCommand.Create(parts), VqDecodeCommand.Create(parts),
        VqCompleteCommand.Create(parts), Export(parts), Import() };

    public static Argument<string> Tokenizer()
        => new Argument<string>(
            "TOKENIZER")
        {
            Description =
                "A run with a tokenizer (its id, the beginning of it, its name, or its folder), or a file that 'cresset vq export' wrote."
        }.CompletesRun();

    public static Option<string?> Prior()
        => new Option<string?>(
            "--prior")
        {
            Description = "Run of a prior over this tokenizer's codes: codes are range-coded by it where that is smaller.",
            HelpName = "RUN"
        }.CompletesRun();

    /// <summary>The tokenizer of a file that exists, else of a run, which its folder or the store tells.</summary>
    public static TokenizerRun OpenTokenizer(string name, string runs, RecipeCatalog recipes)
        => File.Exists(name) ? TokenizerRun.OpenFile(name, recipes.Parts) : TokenizerRun.Open(RunPlace.Of(name, runs).Find(), recipes);

    /// <summary>The prior of a run, which must know the codes of this very tokenizer.</summary>
    public static CodePriorRun? OpenPrior(string? run, string runs, RecipeCatalog recipes, TokenizerRun tokenizer)
    {
        if (run is null) return null;
        var prior = CodePriorRun.Open(RunPlace.Of(run, runs).Find(), recipes);
        if (prior.Tokenizer.HasWeightsOf(tokenizer)) return prior;
        prior.Dispose();
        throw new ArgumentException(
            $"--prior {prior.Id} was trained on the codes of its own tokenizer, not of {tokenizer.Id}; name {prior.Id} as the tokenizer "
                + $"too.");
    }

    private static Command Export(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run = Tokenizer();
        var output = new Option<string>("--output", "-o")
        {
            Description = "File to write.",
            HelpName = "FILE",
            DefaultValueFactory = _ => "tokenizer.safetensors"
        };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var runs = SharedOptions.RunsFolder();
        var command = new Command("export", "Write a tokenizer to one file that needs no run: weights, options, channels, rate.") { run,
            output, force, with.Option, runs };
        command.SetAction(result =>
        {
            var path = result.GetValue(output)!;
            CheckFree(path, result.GetValue(force));
            using var tokenizer = OpenTokenizer(result.GetValue(run)!, result.GetValue(runs)!, with.Recipes(result));
            tokenizer.Save(path);
            Console.WriteLine($"{path}: {new FileInfo(path).Length} bytes");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq export vqvae-fashion -o fashion.safetensors",
            "cresset vq encode fashion.safetensors pictures/");
    }

    private static Command Import()
    {
        var file = new Argument<string>(
            "FILE")
        {
            Description =
                "Weights (PyTorch, safetensors) of a VQGAN of taming-transformers, of EnCodec (24 kHz) or of the Descript Audio Codec; "
                    + "nothing in the file is run."
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "File to write.",
            HelpName = "FILE",
            DefaultValueFactory = _ => "tokenizer.safetensors"
        };
        var section = InspectCommand.Section();
        var rate = new Option<int>("--rate") { Description = "Samples per second, where the file does not say.", HelpName = "HZ" };
        var groups = new Option<int>("--groups")
        {
            Description = "Groups of a VQGAN's norms.",
            HelpName = "N",
            DefaultValueFactory = _ => 32
        };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var command = new Command("import", "Turn a published tokenizer's weights into a file for encode and decode.") { file, output,
            section, rate, groups, force };
        command.SetAction(result =>
        {
            var (from, path) = (result.GetValue(file)!, result.GetValue(output)!);
            CheckFree(path, result.GetValue(force));
            if (result.GetValue(rate) is < 0 and var wrong)
                throw new ArgumentException($"--rate is {wrong}; samples per second are 1 or more.");
            if (result.GetValue(groups) is < 1 and var none) throw new ArgumentException($"--groups is {none}; allowed are 1 and more.");
            using var source = Cresset.Tensors.TensorFile.Open(from, result.GetValue(section));
            var (tokenizer, notes) = PublishedTokenizer.Read(source, Path.GetFileNameWithoutExtension(from), result.GetValue(rate),
                result.GetValue(groups));
            using (tokenizer)
            {
                tokenizer.Save(path);
                foreach (var note in notes) Console.Error.WriteLine($"cresset: {note}");
                var what = tokenizer.Rate > 0
                    ? string.Create(CultureInfo.InvariantCulture,
                        $"sounds of {tokenizer.Rate} Hz, {tokenizer.Kilobits(tokenizer.CodebookSizes.Count):0.###} kilobits per second")
                    : $"pictures of {tokenizer.Channels} channels";
                Console.WriteLine(
                    $"{path}: {what}, {tokenizer.CodebookSizes.Count} {(tokenizer.CodebookSizes.Count == 1 ? "codebook" : "codebooks")} of "
                        + $"{tokenizer.CodebookSizes[0]}, a code for {tokenizer.Model.Strides[0]} samples per side, "
                        + $"{new FileInfo(path).Length} bytes");
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq import vqgan.ckpt -o vqgan.safetensors",
            "cresset vq import weights_24khz.pth -o dac.safetensors --rate 24000");
    }

    public static void CheckFree(string path, bool force)
    {
        if (File.Exists(path) && !force)
            throw new ArgumentException($"{path} exists; add --force to replace it, or name another file with --output.");
    }
}
