using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect convert</c>: ground truth and results from one format to another.</summary>
internal static class DetectConvertCommand
{
    public static Command Create()
    {
        var truth = DetectCommand.Truth();
        var results = new Option<string?>(
            "--dt")
        {
            Description = "Convert these detections instead of the ground truth (which names images and classes).",
            HelpName = "FILE"
        };
        var to = new Option<string>("--to")
        {
            Description = $"Format: {string.Join(", ", DetectionFormats.Names)}.",
            Required = true,
            HelpName = "FORMAT"
        };
        to.AcceptOnlyFromAmong([.. DetectionFormats.Names]);
        var labels = new Option<YoloLabels?>("--labels")
        {
            Description = "yolo: boxes, segments, pose or orientedboxes.",
            HelpName = "KIND"
        };
        var output = new Option<string>("--out",
            "-o")
        {
            Description = "File (coco, csv, cvat, label-studio, mot, openimages) or folder (the others) to write.",
            Required = true,
            HelpName = "PATH"
        };
        var lenient = DetectCommand.Lenient();
        var force = SharedOptions.Force();
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var command = new Command("convert",
            "Convert ground truth or detections from any format to any other; what the other cannot hold is said.") { truth, results, to,
            output, labels, classes, images, lenient, force };
        var formats = new DetectFormatOptions();
        formats.AddTo(command);
        command.SetAction(r =>
        {
            using var interruption = new Interruption("stopping.");
            var path = r.GetValue(output)!;
            Overwriting.RequireFree(path, r.GetValue(force));
            var files = new DetectFiles(r.GetValue(lenient), RecordParts.All, r.GetValue(classes), r.GetValue(images));
            var truthPath = r.GetValue(truth)!;
            var dataset = files.Truth(truthPath, formats.Truth(r, truthPath), interruption.Token);
            var format = DetectionFormats.Get(r.GetValue(to)!);
            if (r.GetValue(labels) is { } kind) format = format is YoloFolder yolo ? yolo with { Labels = kind }
                : throw new ArgumentException("--labels belongs to --to yolo.");
            format = formats.WithTask(r, format);
            IReadOnlyList<string> losses;
            if (r.GetValue(results) is { } from)
            {
                var detections = files.Results(from, dataset, formats.Results(r, from, format), interruption.Token);
                losses = format.LossesOf(detections);
                format.WriteResults(detections, dataset, path);
                Console.Out.WriteLine($"{detections.Items.Length} detections written to {path}");
            }
            else
            {
                losses = format.LossesOf(dataset);
                format.WriteGroundTruth(dataset, path);
                Console.Out.WriteLine($"{dataset.Images.Count} images with {dataset.Objects.Length} objects written to {path}");
            }
            if (losses.Count > 0) Console.Error.WriteLine(
                $"cresset: warning: {DetectionFormats.NameOf(format)} cannot hold, and lost: {string.Join("; ", losses)}.");
            files.ShowFaults();
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect convert --gt instances.json --to voc --out Annotations/",
            "cresset detect convert --gt labels/ --images images/ --classes classes.txt --to coco --out gt.json.gz");
    }
}
