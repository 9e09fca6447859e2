using System.CommandLine;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary>The options that say how to score.</summary>
internal sealed class DetectProtocolOptions
{
    private readonly Option<string> _protocol = DetectCommand.Protocol(), _kind = DetectCommand.Kind();
    private readonly Option<bool> _agnostic = new("--class-agnostic") { Description = "Treat all classes as one." };
    private readonly Option<double[]> _ious = new("--iou")
    {
        Description = "IoU thresholds in place of the protocol's.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "T"
    };
    private readonly Option<int[]> _max = new("--max-dets")
    {
        Description = "Numbers of detections an image and class (COCO family).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "N"
    };
    private readonly Option<double[]> _sigmas = new("--sigmas")
    {
        Description = "Standard deviations of the keypoints of another skeleton (else those of the file, else COCO's 17).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "S",
    };

    private readonly Option<double> _weight = new("--group-of-weight")
    {
        Description = "Open Images: weight of a found group-of region.",
        DefaultValueFactory = _ => 0.0
    };
    private readonly Option<string?> _hierarchy = new("--hierarchy")
    {
        Description = "Open Images: JSON file of the class hierarchy.",
        HelpName = "FILE"
    };
    private readonly Option<bool> _exactYolo = new(
        "--yolo-float32")
    { Description = "yolo: overlaps in float32 with 1e-7 added to the union, as the package." };
    private readonly Option<int> _threads = DetectCommand.Threads();

    public void AddTo(Command command)
    {
        Option[] options = [_protocol, _kind, _agnostic, _ious, _max, _sigmas, _weight, _hierarchy, _exactYolo, _threads];
        foreach (var option in options) command.Add(option);
    }

    public ProtocolOptions Read(ParseResult r)
    {
        var options = new ProtocolOptions
        {
            Protocol = DetectionProtocols.Parse(r.GetValue(_protocol)!),
            Kind = DetectCommand.KindOf(r.GetValue(_kind)!),
            ClassAgnostic = r.GetValue(_agnostic),
            IouThresholds = r.GetValue(_ious) is { Length: > 0 } t ? t : null,
            MaxDetections = r.GetValue(_max) is { Length: > 0 } m ? m : null,
            GroupOfWeight = r.GetValue(_weight),
            Hierarchy = r.GetValue(_hierarchy) is { } h ? CategoryHierarchy.Read(h) : null,
            YoloSinglePrecision = r.GetValue(_exactYolo),
            Threads = r.GetValue(_threads),
        };
        if (r.GetValue(_sigmas) is not { Length: > 0 } sigmas) return options;
        if (options.Kind != IouKind.Keypoints) throw new ArgumentException("--sigmas belongs to --iou-type keypoints.");
        return options with { KeypointSigmas = sigmas };
    }

    /// <summary>Without --sigmas those that the file gives for its skeleton; which they are is said where they are not COCO's.</summary>
    public static ProtocolOptions WithSigmasOf(ProtocolOptions options, DetectionDataset dataset)
    {
        if (options.Kind != IouKind.Keypoints || !ReferenceEquals(options.KeypointSigmas, CocoOptions.PersonSigmas)) return options;
        var given = dataset.Categories.Where(c => c.KeypointSigmas is { Count: > 0 }).ToArray();
        if (given.Length == 0) return options;
        var sigmas = given[0].KeypointSigmas!;
        if (given.Any(c => !c.KeypointSigmas!.SequenceEqual(sigmas))) throw new ArgumentException(
            "the categories of the file have different sigmas; score one of them at a time with --categories, or say --sigmas.");
        Console.Error.WriteLine($"cresset: note: {sigmas.Count} sigmas of category '{given[0].Name}' of the file are used.");
        return options with { KeypointSigmas = sigmas };
    }
}
