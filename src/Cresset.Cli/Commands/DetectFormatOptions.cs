using System.CommandLine;
using Cresset.Detection;

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

    public void AddTo(Command command, bool withResults = true)
    {
        Option[] options = withResults ? [_truth, _results, _split, _imageSet, _verified] : [_truth, _split, _imageSet, _verified];
        foreach (var option in options) command.Add(option);
    }

    /// <summary>The format of the ground truth.</summary>
    public DetectionFormat Truth(ParseResult r, string path)
        => With(r, r.GetValue(_truth) is { } name ? DetectionFormats.Get(name) : DetectionFormats.Recognize(path));

    /// <summary>The format of the detections.</summary>
    public DetectionFormat Results(ParseResult r, string path)
        => r.GetValue(_results) is { } name ? DetectionFormats.Get(name) : DetectionFormats.Recognize(path);

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

    private static ArgumentException Foreign(string option, string owner, DetectionFormat format)
        => new($"{option} belongs to the format {owner}; the ground truth is {DetectionFormats.NameOf(format)}.");

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
