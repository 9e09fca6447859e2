using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect draw</c>: hits, false detections and missed objects over the pictures, one SVG an image.</summary>
internal static class DetectDrawCommand
{
    public static Command Create()
    {
        Option<string> truth = DetectCommand.Truth(), results = DetectCommand.Results(), protocol = DetectCommand.Protocol();
        var kind = DetectCommand.Kind();
        var output = new Option<string>("--out", "-o") { Description = "Folder for the pictures.", Required = true, HelpName = "FOLDER" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "At most this many images, those with most errors first.",
            DefaultValueFactory = _ => 50,
            HelpName = "N"
        };
        var iou = new Option<double>("--iou") { Description = "IoU threshold of a hit.", DefaultValueFactory = _ => 0.5, HelpName = "T" };
        var score = new Option<double>("--min-score")
        {
            Description = "Detections below are left out.",
            DefaultValueFactory = _ => 0.3,
            HelpName = "S"
        };
        var only = new Option<string[]>("--image")
        {
            Description = "Only these images, by file name or id.",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "NAME"
        };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var lenient = DetectCommand.Lenient();
        var formats = new DetectFormatOptions();
        var command = new Command("draw", "Draw detections and objects over the pictures (SVG files with the picture inside).") { truth,
            results, output, images, protocol, kind, only, limit, iou, score, classes, lenient };
        formats.AddTo(command);
        command.SetAction(r =>
        {
            if (r.GetValue(limit) < 1) throw new ArgumentException($"--limit is {r.GetValue(limit)}; allowed: 1 or more.");
            var options = DetectProtocolOptions.Of(r.GetValue(protocol)!, r.GetValue(kind));
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), DetectFiles.PartsOf(options.Kind), r.GetValue(classes), r.GetValue(images));
            var dataset = files.Truth(r.GetValue(truth)!, formats.Truth(r, r.GetValue(truth)!), interruption.Token);
            var detections = files.Results(r.GetValue(results)!, dataset, formats.Results(r, r.GetValue(results)!), interruption.Token);
            files.ShowFaults();
            var names = r.GetValue(only) is { Length: > 0 } given ? given.ToHashSet(StringComparer.Ordinal) : null;
            var chosen = DetectionMatching.Create(dataset, detections, options, r.GetValue(iou), interruption.Token)
                .ImagesAt(r.GetValue(score), interruption.Token)
                .Where(m => names is null ? m.Pairs.Count > 0 : names.Contains(m.Image.FileName)
                    || names.Contains(m.Image.Id.ToString(CultureInfo.InvariantCulture)))
                .OrderByDescending(m => m.Errors).ThenBy(m => m.Image.Id).Take(r.GetValue(limit)).ToArray();
            if (chosen.Length == 0) throw new ArgumentException(names is null ? "no image has an object or a detection of that score."
                : $"no image is named {string.Join(", ", names)}.");
            var folder = r.GetValue(output)!;
            foreach (var m in chosen)
            {
                interruption.Token.ThrowIfCancellationRequested();
                AtomicFile.WriteText(DetectionPicture.PathBelow(folder, dataset, m.Image),
                    DetectionPicture.ToSvg(m, dataset, r.GetValue(images)) + "\n");
            }
            Console.Out.WriteLine($"{chosen.Length} pictures in {folder}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect draw --gt gt.json --dt dt.json --images val2017/ --out drawn/");
    }
}
