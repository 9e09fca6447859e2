using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq encode</c>: one picture or sound, or a folder of them, of any sizes, to a file of codes.</summary>
internal static class VqEncodeCommand
{
    private const int MostPairs = 12;
    private const int MostRows = 20;

    public static Command Create(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run = VqCommand.Tokenizer();
        var input = new Argument<string>(
            "INPUT")
        {
            Description =
                "A picture, or a folder of pictures (PNG, JPEG, WebP, BMP, GIF, TIFF) of any sizes; for a tokenizer of sounds WAV files of "
                    + "any length."
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "File to write.",
            HelpName = "FILE",
            DefaultValueFactory = _ => "codes.cvq"
        };
        var prior = VqCommand.Prior();
        var stages = new Option<int?>("--stages") { Description = "Keep the first N stages of residual codes.", HelpName = "N" };
        var kbps = new Option<double?>("--kbps")
        {
            Description = "Keep as many stages as fit into that rate, for sounds.",
            HelpName = "RATE"
        };
        var compare = new Option<string?>(
            "--compare")
        { Description = $"PNG file for the first {MostPairs} pictures beside what comes back.", HelpName = "FILE" };
        var force = SharedOptions.Force();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("encode", "Write the codes of pictures or sounds and report bits and quality of each.") { run, input,
            output, prior, stages, kbps, compare, force, json, with.Option, runs };
        command.SetAction(result =>
        {
            var path = result.GetValue(output)!;
            VqCommand.CheckFree(path, result.GetValue(force));
            if (result.GetValue(compare) is { } wanted)
            {
                Output.RequirePng(compare.Name, wanted);
                VqCommand.CheckFree(wanted, result.GetValue(force));
            }
            var recipes = with.Recipes(result);
            using var tokenizer = VqCommand.OpenTokenizer(result.GetValue(run)!, result.GetValue(runs)!, recipes);
            var kept = result.GetValue(stages) ?? tokenizer.CodebookSizes.Count;
            if (kept < 1 || kept > tokenizer.CodebookSizes.Count)
                throw new ArgumentException(
                    $"--stages is {kept}; {tokenizer.Id} has {tokenizer.CodebookSizes.Count} (allowed: 1 to "
                        + $"{tokenizer.CodebookSizes.Count}).");
            if (result.GetValue(kbps) is { } rate)
            {
                if (result.GetValue(stages) is not null)
                    throw new ArgumentException("--kbps and --stages both say how many stages are kept; give one of them.");
                kept = VqSounds.StagesOf(tokenizer, rate);
            }
            using var interruption = new Interruption("stopping; nothing is written.");
            if (tokenizer.Rate > 0)
            {
                if (result.GetValue(compare) is { } both)
                    throw new ArgumentException($"--compare {both}: sounds have no picture; 'cresset eval' draws their curves.");
                if (result.GetValue(prior) is { } named)
                    throw new ArgumentException($"--prior {named}: priors code pictures; leave it out for sounds.");
                return VqSounds.Encode(tokenizer, result.GetValue(input)!, path, kept, result.GetValue(json), interruption.Token);
            }
            using var model = VqCommand.OpenPrior(result.GetValue(prior), result.GetValue(runs)!, recipes, tokenizer);
            var files = PictureFiles.Of(result.GetValue(input)!);
            foreach (var note in files.Notes) Console.Error.WriteLine(note);
            var work = new Encoding(tokenizer, files, kept, interruption.Token);
            CodeFileWriter.Write(path, tokenizer.Id, tokenizer.CodebookSizes, model is null ? null : new PriorCoder(model.Prior),
                work.Fill);
            if (result.GetValue(compare) is { } file) AtomicFile.WriteBytes(file, work.Pairs.Draw().ToPng());
            Report(work, path, model is not null, result.GetValue(json), result.GetValue(compare));
            return work.LeftOut.Count == 0 ? ExitCode.Success : ExitCode.Failure;
        });
        return command.WithExamples(
            "cresset vq encode vqvae-fashion pictures/ -o garments.cvq",
            "cresset vq encode fashion.safetensors photo.jpg --compare both.png",
            "cresset vq encode rvq-audio recordings/ --kbps 3 -o recordings.cvq",
            "cresset vq encode pixelcnn-fashion pictures/ --prior pixelcnn-fashion -o garments.cvq --json");
    }

    private static void Report(Encoding work, string path, bool coded, bool asJson, string? compare)
    {
        var size = new FileInfo(path).Length;
        var count = work.Rows.Count;
        double pixels = work.Rows.Sum(r => (double)r.Width * r.Height), packed = work.Rows.Sum(r => (double)r.Bits);
        var bits = coded ? size * 8.0 : packed;
        var error = work.Rows.Sum(r => Math.Pow(10, -r.Psnr / 10) * r.Width * r.Height) / pixels;
        var psnr = BitRate.PeakSignalToNoise(error);
        if (asJson)
        {
            Output.Json(new
            {
                File = path,
                Bytes = size,
                PackedBits = work.Rows.Sum(r => r.Bits),
                Pictures = work.Rows,
                LeftOut = work.LeftOut.Select(l => new { l.Name, l.Reason }),
                BitsAPixel = bits / pixels,
                Psnr = psnr,
                Compare = compare,
            });
            return;
        }
        Output.Table(["picture", "size", "bits", "bits per pixel", "PSNR", "SSIM"], work.Rows.Take(MostRows).Select(r => new[]
        {
            r.Name, $"{r.Width}x{r.Height}", Text(r.Bits, "F0"), Text((double)r.Bits / ((double)r.Width * r.Height), "F4"),
            Text(r.Psnr, "F2"), r.Ssim is { } ssim ? Text(ssim, "F4") : "-",
        }));
        if (count > MostRows) Console.WriteLine($"and {count - MostRows} more (--json has all)");
        foreach (var (name, reason) in work.LeftOut) Console.Error.WriteLine($"cresset: left out {name}: {reason}");
        var sizes = work.Rows.Select(r => $"{r.Width}x{r.Height}").Distinct().ToList();
        var saved = coded ? $" ({Text(packed / count, "F0")} without the prior)" : "";
        var of = sizes.Count == 1 ? $" of {sizes[0]}" : $" of {sizes.Count} sizes";
        Console.WriteLine(
            $"{count} {(count == 1 ? "picture" : "pictures")}{of}: {Text(bits / count, "F0")} bits each{saved}, "
                + $"{Text(bits / pixels, "F4")} bits per pixel, {Text(pixels * work.Channels * 8 / bits, "F1")} times smaller than 8-bit "
                + $"samples, PSNR {Text(psnr, "F2")} dB");
        Console.WriteLine($"{path}: {size} bytes");
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <param name="Name">Name in the file.</param>
    /// <param name="Width">Columns.</param>
    /// <param name="Height">Rows.</param>
    /// <param name="Codes">Codes over all stages.</param>
    /// <param name="Bits">Bits of the codes as they are packed without a prior.</param>
    /// <param name="Psnr">Decibels.</param>
    /// <param name="Ssim">Null where a side is shorter than 11 pixels.</param>
    private sealed record Row(string Name, int Width, int Height, int Codes, long Bits, double Psnr, double? Ssim);

    /// <summary>The work on the files, one after the other: memory is that of a picture.</summary>
    private sealed class Encoding(TokenizerRun tokenizer, PictureFiles files, int stages, CancellationToken cancellation)
    {
        public List<Row> Rows { get; } = [];

        public List<(string Name, string Reason)> LeftOut { get; } = [];

        public SideBySide Pairs { get; } = new();

        public int Channels => tokenizer.Channels;

        public void Fill(CodeFileWriter writer)
        {
            var codec = new PictureCodec(tokenizer);
            var all = tokenizer.CodebookSizes.Count;
            var width = tokenizer.CodebookSizes.Take(stages).Sum(size => (long)BitPacking.BitsFor(size));
            foreach (var (path, name) in files.Files)
            {
                cancellation.ThrowIfCancellationRequested();
                PicturePlanes picture;
                long[] codes, shape;
                try
                {
                    picture = PicturePlanes.Load(path, tokenizer.Channels);
                    (codes, shape) = codec.Encode(picture);
                }
                catch (Exception failure) when (failure is InvalidDataException or UnauthorizedAccessException or FileNotFoundException
                    or ArgumentException)
                {
                    // The last: a size that a tokenizer of scales does not take.
                    LeftOut.Add((name, failure.Message));
                    continue;
                }
                for (var i = 0; i < codes.Length; i++)
                {
                    if (i % all >= stages) codes[i] = -1;
                }
                var rebuilt = codec.Decode(codes, picture.Height, picture.Width);
                var (psnr, ssim) = PictureCodec.Compare(rebuilt, picture);
                if (Pairs.Count < MostPairs) Pairs.Add(picture, rebuilt);
                writer.Add(new CodeEntry(name, shape) { Attributes = Size(picture) }, codes);
                Rows.Add(new Row(name, picture.Width, picture.Height, codes.Length / all * stages, codes.Length / all * width, psnr, ssim));
            }
            if (Rows.Count == 0)
                throw new InvalidDataException($"no picture could be read: {string.Join("; ", LeftOut.Take(5).Select(l => l.Reason))}");
        }

        private static Dictionary<string, string> Size(PicturePlanes picture) => new()
        {
            [VqDecodeCommand.WidthKey] = picture.Width.ToString(CultureInfo.InvariantCulture),
            [VqDecodeCommand.HeightKey] = picture.Height.ToString(CultureInfo.InvariantCulture),
        };
    }
}
