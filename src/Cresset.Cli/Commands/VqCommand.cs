using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq encode|decode</c>: a folder of pictures to a file of packed codes and back.</summary>
internal static class VqCommand
{
    public static Command Create() => new("vq", "Turn pictures into packed codes and back with a trained tokenizer.") { Encode(), Decode() };

    private static Option<string?> PriorOption()
        => new Option<string?>("--prior") { Description = "Run of a prior over this tokenizer's codes: the file is range-coded by it and smaller.", HelpName = "RUN" }.CompletesRun();

    private static Command Encode()
    {
        var run = SharedOptions.Run();
        var folder = new Argument<string>("FOLDER") { Description = "Folder of PNG or JPEG pictures." };
        var output = new Option<string>("--output", "-o") { Description = "File to write.", HelpName = "FILE", DefaultValueFactory = _ => "codes.cvq" };
        var prior = PriorOption();
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var runs = SharedOptions.RunsFolder();
        var command = new Command("encode", "Write the codes of a folder of pictures and report bit rate and PSNR.") { run, folder, output, prior, force, runs };
        command.SetAction(result =>
        {
            var path = result.GetValue(output)!;
            if (File.Exists(path) && !result.GetValue(force)) throw new ArgumentException($"{path} exists; add --force to replace it, or name another file with --output.");
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            using var tokenizer = TokenizerRun.Open(store, result.GetValue(run)!);
            using var coder = OpenPrior(store, result.GetValue(prior), tokenizer);
            using var interruption = new Interruption("stopping; nothing is written.");
            var source = new FolderData { Path = result.GetValue(folder)!, Size = tokenizer.Size, Channels = tokenizer.Channels, Split = new ShareSplit { Validation = 0, Test = 0 } };
            using var split = source.Open(new DataUse(TargetKind.None, NeedsPictures: true));
            foreach (var note in split.Notes) Console.Error.WriteLine(note);
            var pictures = split.Train;
            using var noGrad = no_grad();
            var codes = new List<long>();
            var error = 0.0;
            foreach (var batch in Loader.Once(pictures, 64))
            {
                interruption.Token.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var encoded = tokenizer.Encode(batch.Inputs);
                error += nn.functional.mse_loss(tokenizer.Decode(encoded), batch.Inputs).ToDouble() * batch.Size;
                codes.AddRange(encoded);
            }
            var packed = new PackedCodes([pictures.Count, .. tokenizer.Positions], tokenizer.CodebookSizes, [.. codes], tokenizer.Id);
            packed.Write(path, coder is null ? null : new PriorCoder(coder.Prior));
            var (pixels, size) = ((double)tokenizer.Size * tokenizer.Size, new FileInfo(path).Length);
            var raw = packed.PackedBytes * 8.0 / pictures.Count;
            var bits = coder is null ? raw : size * 8.0 / pictures.Count;
            var saved = coder is null ? "" : string.Create(CultureInfo.InvariantCulture, $" ({raw:F0} without the prior)");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{pictures.Count} pictures of {tokenizer.Size}x{tokenizer.Size}: {bits:F0} bits each{saved}, {bits / pixels:F4} bits a pixel, {pixels * tokenizer.Channels * 8 / bits:F1} times smaller than 8-bit samples, PSNR {BitRate.PeakSignalToNoise(error / pictures.Count):F2} dB"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path}: {size} bytes"));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq encode vqvae-fashion pictures/ -o garments.cvq", "cresset vq encode pixelcnn-fashion pictures/ --prior pixelcnn-fashion -o garments.cvq");
    }

    private static Command Decode()
    {
        var run = SharedOptions.Run();
        var file = new Argument<string>("FILE") { Description = "File of packed codes." };
        var output = new Option<string>("--output", "-o") { Description = "Folder for the pictures; made when missing, and must hold no pictures of the same names.", HelpName = "FOLDER", DefaultValueFactory = _ => "decoded" };
        var prior = PriorOption();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("decode", "Write the pictures of a file of packed codes.") { run, file, output, prior, runs };
        command.SetAction(result =>
        {
            using var store = RunStore.OpenReadOnly(result.GetValue(runs)!);
            using var tokenizer = TokenizerRun.Open(store, result.GetValue(run)!);
            using var coder = OpenPrior(store, result.GetValue(prior), tokenizer);
            using var interruption = new Interruption("stopping.");
            var path = result.GetValue(file)!;
            var packed = PackedCodes.Read(path, coder is null ? null : new PriorCoder(coder.Prior));
            if (!packed.CodebookSizes.SequenceEqual(tokenizer.CodebookSizes) || !packed.Shape.Skip(1).SequenceEqual(tokenizer.Positions)) throw new InvalidDataException($"{path} holds maps of [{string.Join(", ", packed.Shape.Skip(1))}] codes of codebooks [{string.Join(", ", packed.CodebookSizes)}] made by '{packed.Tokenizer}'; run {tokenizer.Id} has maps of [{string.Join(", ", tokenizer.Positions)}] of [{string.Join(", ", tokenizer.CodebookSizes)}].");
            if (packed.Tokenizer.Length > 0 && packed.Tokenizer != tokenizer.Id) Console.Error.WriteLine($"cresset: {path} was made by run {packed.Tokenizer}, not {tokenizer.Id}: the pictures may be nonsense.");
            var folder = result.GetValue(output)!;
            var each = packed.Codes.Length / (int)Math.Max(1, packed.Shape[0]);
            using var noGrad = no_grad();
            var names = Enumerable.Range(0, (int)packed.Shape[0]).Select(i => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:00000}.png"))).ToArray();
            if (names.FirstOrDefault(File.Exists) is { } existing) throw new ArgumentException($"{existing} exists; choose another folder with --output.");
            for (var start = 0; start < names.Length; start += 64)
            {
                interruption.Token.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var count = Math.Min(64, names.Length - start);
                var pictures = tokenizer.Decode(packed.Codes.AsSpan(start * each, count * each).ToArray());
                var values = pictures.data<float>().ToArray();
                var one = values.Length / count;
                for (var i = 0; i < count; i++)
                {
                    Numerics.AtomicFile.WriteBytes(names[start + i], Picture.FromPlanes(values.AsSpan(i * one, one), (int)pictures.size(1), (int)pictures.size(2), (int)pictures.size(3)).ToPng());
                }
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{names.Length} pictures in {folder}"));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq decode vqvae-fashion garments.cvq -o decoded/", "cresset vq decode pixelcnn-fashion garments.cvq --prior pixelcnn-fashion");
    }

    /// <summary>The prior of a run, which must know the codes of this very tokenizer.</summary>
    private static CodePriorRun? OpenPrior(RunStore store, string? run, TokenizerRun tokenizer)
    {
        if (run is null) return null;
        var prior = CodePriorRun.Open(store, run);
        if (prior.Tokenizer.WeightsFile == tokenizer.WeightsFile || File.ReadAllBytes(prior.Tokenizer.WeightsFile).AsSpan().SequenceEqual(File.ReadAllBytes(tokenizer.WeightsFile))) return prior;
        prior.Dispose();
        throw new ArgumentException($"--prior {prior.Id} was trained on the codes of its own tokenizer, not of run {tokenizer.Id}; name {prior.Id} as the tokenizer's run too.");
    }
}
