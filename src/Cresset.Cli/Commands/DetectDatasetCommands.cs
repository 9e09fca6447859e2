using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect stats, filter, split, sample, merge</c>: data sets counted, cut and joined.</summary>
internal static class DetectDatasetCommands
{
    public static IEnumerable<Command> Create() => [Stats(), Filter(), Split(), Sample(), Merge()];

    private static Command Stats()
    {
        var json = SharedOptions.Json();
        var opened = new Opened();
        var command = opened.Add(new Command("stats", "Count a data set: classes, sizes, objects per image.") { json });
        command.SetAction(r =>
        {
            var s = DatasetStatistics.Of(opened.Read(r));
            if (r.GetValue(json))
            {
                Output.Json(s);
                return ExitCode.Success;
            }
            Console.Out.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                $"{s.Images} images ({s.EmptyImages} without objects), {s.Objects} objects ({s.Crowds} crowds), {s.Classes.Count} classes; "
                    + $"{s.ObjectsPerImage:0.##} objects per image, at most {s.MostObjects}"));
            Output.Table(["class", "objects", "images", "small", "medium", "large", "median area"],
                s.Classes.Select(c => new[] { c.Name, Text(c.Objects), Text(c.Images), Text(c.Small), Text(c.Medium), Text(c.Large),
                c.MedianArea.ToString("0.#", CultureInfo.InvariantCulture) }));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect stats --gt instances.json");
    }

    private static Command Filter()
    {
        var opened = new Opened();
        var subset = new DetectSubsetOptions();
        var least = new Option<double>("--min-area")
        {
            Description = "Leave out objects with a smaller area in square pixels.",
            DefaultValueFactory = _ => 0.0,
            HelpName = "A"
        };
        var empty = new Option<bool>("--drop-empty") { Description = "Leave out images without objects." };
        var output = Out();
        var force = SharedOptions.Force();
        var command = opened.Add(new Command("filter", "Keep some classes, images or sizes of objects.") { least, empty, output, force });
        subset.AddTo(command, withSlices: false);
        command.SetAction(r =>
        {
            Overwriting.RequireFree(r.GetValue(output)!, r.GetValue(force));
            var dataset = opened.Read(r);
            var (images, objects) = (dataset.Images.Count, dataset.Objects.Length);
            dataset = subset.Apply(r, dataset, new DetectionResults([])).Dataset;
            dataset = DatasetVerbs.Filter(dataset, r.GetValue(least), r.GetValue(empty));
            CocoFormat.WriteGroundTruth(dataset, r.GetValue(output)!);
            Console.Out.WriteLine(
                $"{dataset.Images.Count} of {images} images, {dataset.Objects.Length} of {objects} objects written to "
                    + $"{r.GetValue(output)}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect filter --gt instances.json --categories person car --min-area 100 --out small.json");
    }

    private static Command Split()
    {
        var opened = new Opened();
        var shares = new Option<double[]>("--shares")
        {
            Description = "Shares of the parts; they sum to 1.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [0.8, 0.2],
            HelpName = "S"
        };
        var by = new Option<string?>(
            "--group")
        { Description = "Keep images with one value of this field (an attribute, folder) in one part.", HelpName = "FIELD" };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the draw.", DefaultValueFactory = _ => 1UL };
        var output = new Option<string[]>("--out", "-o")
        {
            Description = "One COCO file per part.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
            HelpName = "FILE"
        };
        var force = SharedOptions.Force();
        var command = opened.Add(
            new Command("split", "Divide a data set so that every class keeps its share in every part.") { shares, by, seed, output,
                force });
        command.SetAction(r =>
        {
            var (parts, files) = (r.GetValue(shares)!, r.GetValue(output)!);
            if (files.Length != parts.Length) throw new ArgumentException(
                $"--shares names {parts.Length} parts and --out {files.Length} files; one file per part is needed.");
            if (files.Select(Path.GetFullPath).Distinct().Count() != files.Length)
                throw new ArgumentException("--out names one file twice.");
            foreach (var file in files) Overwriting.RequireFree(file, r.GetValue(force));
            var divided = DatasetVerbs.Split(opened.Read(r), parts, r.GetValue(seed), r.GetValue(by));
            for (var i = 0; i < files.Length; i++)
            {
                CocoFormat.WriteGroundTruth(divided[i], files[i]);
                Console.Out.WriteLine($"{divided[i].Images.Count} images with {divided[i].Objects.Length} objects written to {files[i]}");
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect split --gt all.json --shares 0.8 0.2 --out train.json val.json");
    }

    private static Command Sample()
    {
        var opened = new Opened();
        var count = new Option<int>("--count", "-n") { Description = "Number of images.", Required = true, HelpName = "N" };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the draw.", DefaultValueFactory = _ => 1UL };
        var output = Out();
        var force = SharedOptions.Force();
        var command = opened.Add(new Command("sample", "Draw some images at random.") { count, seed, output, force });
        command.SetAction(r =>
        {
            Overwriting.RequireFree(r.GetValue(output)!, r.GetValue(force));
            var drawn = DatasetVerbs.Sample(opened.Read(r), r.GetValue(count), r.GetValue(seed));
            CocoFormat.WriteGroundTruth(drawn, r.GetValue(output)!);
            Console.Out.WriteLine($"{drawn.Images.Count} images with {drawn.Objects.Length} objects written to {r.GetValue(output)}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect sample --gt all.json -n 100 --out few.json");
    }

    private static Command Merge()
    {
        var inputs = new Argument<string[]>("FILE")
        {
            Description = "Data sets of any format that needs no further options.",
            Arity = new ArgumentArity(2, 1000)
        };
        var output = Out();
        var force = SharedOptions.Force();
        var command = new Command("merge", "Join data sets; classes meet by name, images must differ by name.") { inputs, output, force };
        command.SetAction(r =>
        {
            Overwriting.RequireFree(r.GetValue(output)!, r.GetValue(force));
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(false, RecordParts.All, null, null);
            var read = r.GetValue(inputs)!.Select(p => files.Truth(p, DetectionFormats.Recognize(p), interruption.Token)).ToArray();
            var joined = DatasetVerbs.Merge(read);
            files.ShowFaults();
            CocoFormat.WriteGroundTruth(joined, r.GetValue(output)!);
            Console.Out.WriteLine(
                $"{joined.Images.Count} images with {joined.Objects.Length} objects of {joined.Categories.Count} classes written to "
                    + $"{r.GetValue(output)}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect merge day.json night.json --out all.json");
    }

    private static Option<string> Out()
        => new("--out", "-o") { Description = "COCO file to write (.json or .json.gz).", Required = true, HelpName = "FILE" };

    private static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);

    /// <summary>The options that open one data set.</summary>
    private sealed class Opened
    {
        private readonly Option<string> _truth = DetectCommand.Truth();
        private readonly Option<string?> _classes = DetectCommand.Classes(), _images = DetectCommand.Images();
        private readonly Option<bool> _lenient = DetectCommand.Lenient();
        private readonly DetectFormatOptions _formats = new();

        public Command Add(Command command)
        {
            Option[] options = [_truth, _classes, _images, _lenient];
            foreach (var option in options) command.Add(option);
            _formats.AddTo(command, withResults: false);
            return command;
        }

        public DetectionDataset Read(ParseResult r)
        {
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(_lenient), RecordParts.All, r.GetValue(_classes), r.GetValue(_images));
            var path = r.GetValue(_truth)!;
            var dataset = files.Truth(path, _formats.Truth(r, path), interruption.Token);
            files.ShowFaults();
            return dataset;
        }
    }
}
