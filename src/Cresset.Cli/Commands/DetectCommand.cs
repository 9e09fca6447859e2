using System.CommandLine;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect</c>: scoring of detectors.</summary>
internal static class DetectCommand
{
    public const string Summary = "Score detectors: mAP under every protocol, comparison, conversion, data sets, pictures.";

    /// <param name="verb">The word after <c>detect</c>, where there is one.</param>
    public static Command Create(string? verb = null)
    {
        var command = new Command("detect", Summary) { DetectEvalCommand.Create() };
        // Scripts score one file after the other: the other verbs are not built for that.
        if (verb == "eval") return command;
        command.Add(DetectCompareCommand.Create());
        command.Add(DetectProtocolsCommand.Create());
        command.Add(DetectConvertCommand.Create());
        command.Add(DetectDrawCommand.Create());
        command.Add(DetectCheckCommand.Create());
        foreach (var other in DetectPixelCommands.Create().Concat(DetectDatasetCommands.Create())) command.Add(other);
        return command;
    }

    public static Option<string> Truth()
        => new("--gt")
        {
            Description =
            "Ground truth: COCO JSON, or a file or folder of another format (VOC, YOLO with data.yaml, CVAT, ...).",
            Required = true,
            HelpName = "FILE"
        };

    public static Option<string> Results(string name = "--dt")
        => new(name)
        {
            Description = "Detections: COCO result JSON, or a folder or table of the same kinds.",
            Required = true,
            HelpName = "FILE"
        };

    public static Option<bool> Lenient()
        => new("--lenient") { Description = "Count faulty records and go on, instead of stopping at the first." };

    public static Option<bool> AllowEmpty()
        => new("--allow-empty") { Description = "Score a file without detections as a model that finds nothing." };

    public static Option<string?> Classes()
        => new("--classes") { Description = "Class names: a text file with one per line, or a data.yaml.", HelpName = "FILE" };

    public static Option<string?> Images()
        => new("--images") { Description = "Folder of the pictures (sizes for YOLO, pictures for drawing).", HelpName = "FOLDER" };

    public static Option<string?> Kind()
    {
        var option = new Option<string?>("--iou-type")
        {
            Description = "What is compared: bbox, segm, keypoints, boundary or obb (oriented boxes). Default: bbox, with dota obb.",
            HelpName = "TYPE"
        };
        option.AcceptOnlyFromAmong("bbox", "segm", "keypoints", "boundary", "obb");
        return option;
    }

    public static Option<string> Protocol()
    {
        var option = new Option<string>(
            "--protocol")
        {
            Description = "Rules of scoring: " + string.Join(", ", DetectionProtocols.Names) + ".",
            DefaultValueFactory = _ => "coco",
            HelpName = "NAME"
        };
        option.AcceptOnlyFromAmong([.. DetectionProtocols.Names]);
        return option;
    }

    public static Option<int> Threads()
        => new("--threads")
        {
            Description = "Threads (0: all cores). Results do not depend on it.",
            DefaultValueFactory = _ => 0,
            HelpName = "N"
        };

    public static IouKind KindOf(string name) => name switch
    {
        "segm" => IouKind.Mask,
        "keypoints" => IouKind.Keypoints,
        "boundary" => IouKind.Boundary,
        "obb" => IouKind.Oriented,
        _ => IouKind.Box,
    };
}
