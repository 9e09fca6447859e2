using System.CommandLine;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary>The options that say how to score.</summary>
internal sealed class DetectProtocolOptions
{
    private readonly Option<string> _protocol = DetectCommand.Protocol();
    private readonly Option<string?> _kind = DetectCommand.Kind();
    private readonly Option<bool> _agnostic = new("--class-agnostic") { Description = "Treat all classes as one." };
    private readonly Option<double[]> _ious = new("--iou")
    {
        Description = "IoU thresholds in place of the protocol's.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "T"
    };
    private readonly Option<int[]> _max = new("--max-dets")
    {
        Description = "Numbers of detections per image and class (COCO family).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "N"
    };
    private readonly Option<string[]> _areas = new("--area-ranges")
    {
        Description = "Ranges of areas in square pixels in place of COCO's, NAME:MIN:MAX (COCO family); MAX may be inf.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "RANGE"
    };
    private readonly Option<double[]> _sigmas = new("--sigmas")
    {
        Description = "Standard deviations of the keypoints of another skeleton (else those of the file, else COCO's 17).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "S",
    };

    private readonly Option<string?> _skeleton = new("--skeleton")
    {
        Description = "Keypoints: coco, crowdpose (its sigmas and areas, and easy, medium and hard images), or a file of sigmas.",
        HelpName = "NAME"
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
        Option[] options = [_protocol, _kind, _agnostic, _ious, _max, _areas, _sigmas, _skeleton, _weight, _hierarchy, _exactYolo,
            _threads];
        foreach (var option in options) command.Add(option);
    }

    public ProtocolOptions Read(ParseResult r)
    {
        var options = Of(r.GetValue(_protocol)!, r.GetValue(_kind)) with
        {
            ClassAgnostic = r.GetValue(_agnostic),
            IouThresholds = r.GetValue(_ious) is { Length: > 0 } t ? t : null,
            MaxDetections = r.GetValue(_max) is { Length: > 0 } m ? m : null,
            AreaRanges = r.GetValue(_areas) is { Length: > 0 } a ? [.. a.Select(RangeOf)] : null,
            GroupOfWeight = r.GetValue(_weight),
            Hierarchy = r.GetValue(_hierarchy) is { } h ? CategoryHierarchy.Read(h) : null,
            YoloSinglePrecision = r.GetValue(_exactYolo),
            Threads = r.GetValue(_threads),
        };
        // What a protocol does not know must not look as if it had been obeyed.
        var name = DetectionProtocols.NameOf(options.Protocol);
        if (options.GroupOfWeight != 0 && options.Protocol != DetectionProtocol.OpenImages)
        {
            throw new ArgumentException($"--group-of-weight belongs to --protocol openimages; this is {name}.");
        }
        if (options.YoloSinglePrecision && options.Protocol is not (DetectionProtocol.Yolo or DetectionProtocol.YoloLegacy))
        {
            throw new ArgumentException($"--yolo-float32 belongs to --protocol yolo or yolo-legacy; this is {name}.");
        }
        var isCoco =
            options.Protocol is DetectionProtocol.Coco or DetectionProtocol.CocoFixed or DetectionProtocol.Lvis
                or DetectionProtocol.TorchMetrics;
        if (options.AreaRanges is not null && !isCoco)
        {
            throw new ArgumentException($"--area-ranges belongs to coco, coco-fixed, lvis and torchmetrics; this is {name}.");
        }
        if (options.MaxDetections is not null && !isCoco && options.Protocol != DetectionProtocol.Tide)
        {
            throw new ArgumentException($"--max-dets belongs to coco, coco-fixed, lvis, torchmetrics and tide; {name} has no such limit.");
        }
        if (r.GetValue(_skeleton) is { } skeleton)
        {
            if (options.Kind != IouKind.Keypoints) throw new ArgumentException("--skeleton belongs to --iou-type keypoints.");
            if (r.GetValue(_sigmas) is { Length: > 0 })
            {
                throw new ArgumentException("--skeleton and --sigmas say the same thing; give one of them.");
            }
            // A list of its own: the file's sigmas must not take its place.
            return options with
            {
                KeypointSigmas = skeleton switch
                {
                    "coco" => [.. CocoOptions.PersonSigmas],
                    "crowdpose"
                => CrowdPose.Sigmas,
                    _ => SigmasIn(skeleton)
                }
            };
        }
        if (r.GetValue(_sigmas) is not { Length: > 0 } sigmas) return options;
        if (options.Kind != IouKind.Keypoints) throw new ArgumentException("--sigmas belongs to --iou-type keypoints.");
        return options with { KeypointSigmas = sigmas };
    }

    /// <summary>Whether the score is that of CrowdPose.</summary>
    public bool IsCrowdPose(ParseResult r) => r.GetValue(_skeleton) == "crowdpose";

    private static double[] SigmasIn(string file)
    {
        if (!File.Exists(file))
        {
            throw new ArgumentException($"--skeleton is '{file}': allowed are coco, crowdpose, or a file of sigmas, which there is not.");
        }
        string[] words = File.ReadAllText(file).Split([' ', ',', ';', '\t', '\r', '\n', '[', ']'], StringSplitOptions.RemoveEmptyEntries);
        var sigmas = new double[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            if (double.TryParse(words[i], System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture,
                out sigmas[i]) && sigmas[i] > 0) continue;
            throw new ArgumentException(
                $"--skeleton {file}: '{words[i]}' is not a standard deviation; positive numbers are needed, one per keypoint.");
        }
        return sigmas.Length > 0 ? sigmas
            : throw new ArgumentException($"--skeleton {file}: holds no numbers; a standard deviation for each keypoint is needed.");
    }

    /// <summary>A protocol and what it compares; dota means oriented boxes unless told otherwise.</summary>
    public static ProtocolOptions Of(string protocol, string? kind)
    {
        var rules = DetectionProtocols.Parse(protocol);
        return new ProtocolOptions
        {
            Protocol = rules,
            Kind = DetectCommand.KindOf(kind ?? (rules == DetectionProtocol.Dota ? "obb" : "bbox"))
        };
    }

    private static AreaRange RangeOf(string text)
    {
        var parts = text.Split(':');
        double least = 0, most = 0;
        var good = parts is [{ Length: > 0 }, var from, var to] && TryArea(from, out least) && TryArea(to, out most) && least < most;
        return good ? new AreaRange(parts[0], least, most)
            : throw new ArgumentException(
            $"--area-ranges has '{text}'; needed is NAME:MIN:MAX in square pixels, such as small:0:1024 or large:9216:inf.");

        static bool TryArea(string t, out double area)
        {
            if (t.Equals("inf", StringComparison.OrdinalIgnoreCase))
            {
                area = double.PositiveInfinity;
                return true;
            }
            return double.TryParse(t, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out area)
                && area >= 0;
        }
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
