using System.CommandLine;
using Cresset.Detection;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary>The options that name the formats of files; without them a format is recognised by what lies at a path.</summary>
internal sealed class DetectFormatOptions
{
    private readonly Option<string?> _truth = Format("--gt-format", "Format of the ground truth"),
        _results = Format("--dt-format", "Format of the detections");
    private readonly Option<string?> _split = new("--split") { Description = "YOLO: the part of a data.yaml (val).", HelpName = "NAME" };
    private readonly Option<string?> _imageSet = new("--image-set")
    {
        Description = "VOC: a list in ImageSets/Main, such as test.",
        HelpName = "NAME"
    };
    private readonly Option<string?> _verified = new("--verified-labels")
    {
        Description = "Open Images: file of image-level labels.",
        HelpName = "FILE"
    };

    private readonly Option<int?> _task = new("--task")
    {
        Description = "DOTA: 1 for results with corners (Task1_CLASS.txt), 2 for level boxes (Task2_CLASS.txt).",
        HelpName = "N"
    };

    public void AddTo(Command command, bool withResults = true)
    {
        Option[] options = withResults ? [_truth, _results, _split, _imageSet, _verified, _task] : [_truth, _split, _imageSet, _verified];
        foreach (var option in options) command.Add(option);
    }

    /// <summary>The format of the ground truth.</summary>
    public DetectionFormat Truth(ParseResult r, string path)
        => With(r, r.GetValue(_truth) is { } name ? DetectionFormats.Get(name) : DetectionFormats.Recognize(path));

    /// <summary>The format of the detections.</summary>
    /// <param name="r">The command line.</param>
    /// <param name="path">The detections.</param>
    /// <param name="target">A format that is written to, which --task may belong to instead.</param>
    public DetectionFormat Results(ParseResult r, string path, DetectionFormat? target = null)
    {
        var format = r.GetValue(_results) is { } name ? DetectionFormats.Get(name) : DetectionFormats.Recognize(path);
        if (format is DotaFolder) return WithTask(r, format);
        if (r.GetValue(_task) is not null && target is not DotaFolder) throw Foreign("--task", "dota", format, "detections are");
        return format;
    }

    /// <summary>A format to write, with the task that was asked for.</summary>
    public DetectionFormat WithTask(ParseResult r, DetectionFormat format)
        => format is DotaFolder dota && r.GetValue(_task) is { } task ? (dota with { Task = task }).ThrowIfInvalid() : format;

    private DetectionFormat With(ParseResult r, DetectionFormat format)
    {
        if (r.GetValue(_split) is { } split) format = format is YoloFolder yolo ? yolo with { Split = split }
            : throw Foreign("--split", "yolo", format);
        if (r.GetValue(_imageSet) is { } set) format = format is VocFolder voc ? voc with { ImageSet = set }
            : throw Foreign("--image-set", "voc", format);
        if (r.GetValue(_verified) is { } file) format = format is OpenImagesCsv open ? open with { VerifiedLabels = file }
            : throw Foreign("--verified-labels", "openimages", format);
        return format;
    }

    private static ArgumentException Foreign(string option, string owner, DetectionFormat format, string what = "ground truth is")
        => new($"{option} belongs to the format {owner}; the {what} {DetectionFormats.NameOf(format)}.");

    private static Option<string?> Format(string name, string what)
    {
        var option = new Option<string?>(
            name)
        {
            Description = $"{what}, where it is not recognised: {string.Join(", ", DetectionFormats.Names)}.",
            HelpName = "FORMAT"
        };
        option.AcceptOnlyFromAmong([.. DetectionFormats.Names]);
        return option;
    }
}
