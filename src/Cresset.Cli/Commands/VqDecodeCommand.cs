using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq decode</c>: the pictures or sounds of a file of codes, under their names, in their sizes and formats.</summary>
internal static class VqDecodeCommand
{
    public const string WidthKey = "width";
    public const string HeightKey = "height";

    public static Command Create(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run = VqCommand.Tokenizer();
        var file = new Argument<string>("FILE") { Description = "File of packed codes." };
        var output = new Option<string>("--output",
            "-o")
        {
            Description = "Folder for the pictures or sounds; made when missing, and must hold none of the same names.",
            HelpName = "FOLDER",
            DefaultValueFactory = _ => "decoded"
        };
        var only = new Option<string[]>("--only")
        {
            Description = "Names of those wanted; the others are not read.",
            HelpName = "NAME",
            AllowMultipleArgumentsPerToken = true
        };
        var png = new Option<bool>("--png") { Description = "Write PNG whatever the pictures were, without a second loss." };
        var prior = VqCommand.Prior();
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("decode", "Write the pictures or sounds of a file of packed codes.") { run, file, output, only, png,
            prior, json, with.Option, runs };
        command.SetAction(result =>
        {
            var recipes = with.Recipes(result);
            using var tokenizer = VqCommand.OpenTokenizer(result.GetValue(run)!, result.GetValue(runs)!, recipes);
            using var interruption = new Interruption("stopping.");
            if (tokenizer.Rate > 0)
            {
                if (result.GetValue(png)) throw new ArgumentException("--png is for pictures; sounds are written as WAV.");
                if (result.GetValue(prior) is { } named)
                    throw new ArgumentException($"--prior {named}: priors code pictures; leave it out for sounds.");
                return VqSounds.Decode(tokenizer, result.GetValue(file)!, result.GetValue(output)!, result.GetValue(only) ?? [],
                    result.GetValue(json), interruption.Token);
            }
            using var model = VqCommand.OpenPrior(result.GetValue(prior), result.GetValue(runs)!, recipes, tokenizer);
            using var codes = CodedPictures.Open(result.GetValue(file)!, tokenizer, model is null ? null : new PriorCoder(model.Prior));
            var folder = result.GetValue(output)!;
            var wanted = Wanted(codes, result.GetValue(only) ?? [], folder, result.GetValue(png));
            if (wanted.FirstOrDefault(w => File.Exists(w.Path)) is { } existing)
                throw new ArgumentException($"{existing.Path} exists; choose another folder with --output.");
            if (wanted.GroupBy(w => w.Path, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new ArgumentException(
                    $"{twice.Count()} pictures would be written to {twice.Key}: name those wanted with --only, or leave --png out.");
            foreach (var note in codes.Notes) Console.Error.WriteLine($"cresset: {note}");
            var codec = new PictureCodec(tokenizer);
            foreach (var picture in wanted)
            {
                interruption.Token.ThrowIfCancellationRequested();
                var (height, width) = codes.Pictures[picture.Number].Size;
                AtomicFile.WriteBytes(picture.Path,
                    PictureEncoder.Encode(codec.Decode(codes.Read(picture.Number), height, width), Path.GetExtension(picture.Path)));
            }
            var others = wanted.Count(w => w.IsOther);
            if (others > 0)
                Console.Error.WriteLine(
                    $"cresset: {others} of a format that is not written (BMP, GIF, TIFF) {(others == 1 ? "is a PNG" : "are PNG")} now.");
            if (result.GetValue(json))
                Output.Json(new
                {
                    Folder = folder,
                    Pictures = wanted.Select(
                        w => new
                        {
                            codes.Pictures[w.Number].Name,
                            File = w.Path,
                            codes.Pictures[w.Number].Size.Width,
                            codes.Pictures[w.Number].Size.Height
                        }),
                    codes.Notes
                });
            else Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{wanted.Count} {(wanted.Count == 1 ? "picture" : "pictures")} in {folder}"));
            return ExitCode.Success;
        });
        return command.WithExamples(
            "cresset vq decode vqvae-fashion garments.cvq -o decoded/",
            "cresset vq decode rvq-audio recordings.cvq -o decoded/",
            "cresset vq decode pixelcnn-fashion garments.cvq --prior pixelcnn-fashion --only boots/3.png");
    }

    private static List<Target> Wanted(CodedPictures codes, string[] only, string folder, bool png)
    {
        var names = codes.Pictures.Select(p => p.Name).ToList();
        foreach (var name in only)
        {
            if (!names.Contains(name))
                throw new ArgumentException(
                    $"--only {name}: there is no such picture in the file.{NearestName.Suggest(name, names)} It holds {names.Count}: "
                        + $"{string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")}");
        }
        var targets = new List<Target>();
        for (var i = 0; i < names.Count; i++)
        {
            if (only.Length > 0 && !only.Contains(names[i])) continue;
            var extension = Path.GetExtension(names[i]);
            var writes = PictureEncoder.Writes(extension);
            // A picture that changes its format keeps its old ending before the new one, so that no two fall together.
            var name = png && writes ? Path.ChangeExtension(names[i], ".png") : writes ? names[i] : names[i] + ".png";
            targets.Add(
                new Target(i, Path.Combine(folder, name.Replace('/', Path.DirectorySeparatorChar)), !writes && extension.Length > 0));
        }
        return targets;
    }

    private sealed record Target(int Number, string Path, bool IsOther);
}
