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
        var results = new Option<string?>("--dt") { Description = "Convert these detections instead of the ground truth (which names images and classes).", HelpName = "FILE" };
        var to = new Option<string>("--to") { Description = "Format: coco, voc, yolo or csv.", Required = true, HelpName = "FORMAT" };
        to.AcceptOnlyFromAmong("coco", "voc", "yolo", "csv");
        var output = new Option<string>("--out", "-o") { Description = "File (coco: .json or .json.gz; csv) or folder (voc, yolo) to write.", Required = true, HelpName = "PATH" };
        var lenient = DetectCommand.Lenient();
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var command = new Command("convert", "Convert ground truth or detections between COCO, VOC, YOLO and CSV.") { truth, results, to, output, classes, images, lenient };
        command.SetAction(r =>
        {
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), RecordParts.All, r.GetValue(classes), r.GetValue(images));
            var dataset = files.Truth(r.GetValue(truth)!, interruption.Token);
            var path = r.GetValue(output)!;
            if (r.GetValue(results) is { } from)
            {
                var detections = files.Results(from, dataset, interruption.Token);
                Write(detections, dataset, r.GetValue(to)!, path);
                Console.Out.WriteLine($"{detections.Items.Length} detections written to {path}");
            }
            else
            {
                Write(dataset, r.GetValue(to)!, path);
                Console.Out.WriteLine($"{dataset.Images.Count} images with {dataset.Objects.Length} objects written to {path}");
            }
            files.ShowFaults();
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect convert --gt instances.json --to voc --out Annotations/", "cresset detect convert --gt labels/ --images images/ --classes classes.txt --to coco --out gt.json.gz");
    }

    private static void Write(DetectionDataset dataset, string format, string path)
    {
        switch (format)
        {
            case "voc": VocFormat.WriteGroundTruth(dataset, path); break;
            case "yolo": YoloFormat.WriteGroundTruth(dataset, path); break;
            case "csv": CsvFormat.WriteGroundTruth(dataset, path); break;
            default: CocoFormat.WriteGroundTruth(dataset, path); break;
        }
    }

    private static void Write(DetectionResults results, DetectionDataset dataset, string format, string path)
    {
        switch (format)
        {
            case "voc": VocFormat.WriteResults(results, dataset, path); break;
            case "yolo": YoloFormat.WriteResults(results, dataset, path); break;
            case "csv": CsvFormat.WriteResults(results, dataset, path); break;
            default: CocoFormat.WriteResults(results, path, dataset); break;
        }
    }
}
