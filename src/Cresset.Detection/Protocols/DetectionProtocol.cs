using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>The named rules by which detections are scored; each gives the answer of its own tool.</summary>
public enum DetectionProtocol
{
    /// <summary>pycocotools, accidents included.</summary>
    Coco,

    /// <summary>COCO without the known accidents.</summary>
    CocoFixed,

    /// <summary>VOC until 2009: mean of 11 precisions.</summary>
    Voc07,

    /// <summary>VOC from 2010 on: area under the envelope.</summary>
    Voc10,

    /// <summary>Object-Detection-Metrics by Padilla et al. 2020, all points.</summary>
    Padilla,

    /// <summary>The same, 11 points.</summary>
    Padilla11,

    /// <summary>LVIS: federated annotation, frequency groups, 300 detections per image.</summary>
    Lvis,

    /// <summary>Open Images: group-of regions, hierarchy.</summary>
    OpenImages,

    /// <summary>ultralytics, current curve.</summary>
    Yolo,

    /// <summary>ultralytics before the curve was closed at the last recall.</summary>
    YoloLegacy,

    /// <summary>torchmetrics: COCO in float32.</summary>
    TorchMetrics,

    /// <summary>tidecv.</summary>
    Tide,

    /// <summary>The DOTA development kit: oriented boxes (task 1), or level ones (task 2).</summary>
    Dota,
}

/// <summary>Names of protocols as commands and files have them.</summary>
public static class DetectionProtocols
{
    private static readonly PartCatalog Parts = new(typeof(ProtocolPart).Assembly);

    // In the order of the enumeration, the best-known first.
    private static readonly (DetectionProtocol Protocol, string Name)[] Table =
        [.. Parts.Of("protocol").Select(p => (((ProtocolPart)p.Create()).Protocol, p.Name)).OrderBy(p => p.Protocol)];

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Table.Select(t => t.Name)];

    internal static bool IsCocoFamily(DetectionProtocol protocol)
        => protocol is DetectionProtocol.Coco or DetectionProtocol.CocoFixed or DetectionProtocol.Lvis or DetectionProtocol.TorchMetrics;

    /// <summary>Whether the tool of a protocol scores shapes of a kind.</summary>
    internal static bool Measures(DetectionProtocol protocol, IouKind kind) => kind == IouKind.Box || protocol switch
    {
        DetectionProtocol.Coco or DetectionProtocol.CocoFixed or DetectionProtocol.Tide => true,
        DetectionProtocol.Lvis or DetectionProtocol.TorchMetrics => kind != IouKind.Oriented,
        DetectionProtocol.Yolo or DetectionProtocol.YoloLegacy => kind != IouKind.Boundary,
        DetectionProtocol.Dota => kind == IouKind.Oriented,
        _ => false,
    };

    /// <summary>The name of a protocol, such as <c>coco-fixed</c>.</summary>
    public static string NameOf(DetectionProtocol protocol) => Table.First(t => t.Protocol == protocol).Name;

    /// <summary>The protocol of a name.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest.</exception>
    public static DetectionProtocol Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Parts.Find("protocol", name) is { } part
            ? ((ProtocolPart)part.Create()).Protocol
            : throw new ArgumentException(
                $"protocol \"{name}\" is not known;{NearestName.Suggest(name, Names)} allowed: {string.Join(", ", Names)}.", nameof(name));
    }
}

/// <summary>Parameters of a protocol; null takes what its tool takes.</summary>
public sealed record ProtocolOptions : IOptionsRecord
{
    /// <summary>The rules.</summary>
    public DetectionProtocol Protocol { get; init; }

    /// <summary>
    /// What is compared. Beside boxes the COCO family and <c>tide</c> know masks, their boundaries and keypoints, <c>yolo</c> masks and
    /// keypoints; oriented boxes go with <c>coco</c>, <c>coco-fixed</c>, <c>tide</c>, <c>yolo</c> and <c>dota</c>.
    /// </summary>
    public IouKind Kind { get; init; }

    /// <summary>IoU thresholds; at most 64.</summary>
    public IReadOnlyList<double>? IouThresholds { get; init; }

    /// <summary>Numbers of detections an image and category may have (COCO family).</summary>
    public IReadOnlyList<int>? MaxDetections { get; init; }

    /// <summary>Ranges of object areas in place of COCO's (COCO family); the range "all" is added where it is missing.</summary>
    public IReadOnlyList<AreaRange>? AreaRanges { get; init; }

    /// <summary>Only these images; all when null. Evaluators of different images can be merged.</summary>
    public IReadOnlyList<long>? ImageIds { get; init; }

    /// <summary>All categories as one.</summary>
    public bool ClassAgnostic { get; init; }

    /// <summary>Open Images: weight of a group-of region that was found, 0 or 1.</summary>
    public double GroupOfWeight { get; init; }

    /// <summary>Open Images: the class hierarchy; null for none.</summary>
    public CategoryHierarchy? Hierarchy { get; init; }

    /// <summary>ultralytics: compute overlaps in float32 with 1e-7 added to the union, as the package does.</summary>
    public bool YoloSinglePrecision { get; init; }

    /// <summary>tide: IoU below which a detection is background.</summary>
    public double BackgroundThreshold { get; init; } = 0.1;

    /// <summary>Standard deviations of keypoints.</summary>
    public IReadOnlyList<double> KeypointSigmas { get; init; } = CocoOptions.PersonSigmas;

    /// <summary>Threads; 0 takes all cores. Results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>What the numbers depend on beside protocol, kind, thresholds and images, where it is not what the tool takes.</summary>
    internal IReadOnlyDictionary<string, string> Settings()
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        void Add(string name, bool differs, Func<FormattableString> value)
        {
            if (differs) settings[name] = FormattableString.Invariant(value());
        }
        string Joined<T>(IEnumerable<T> values) => string.Join(", ", values.Select(v => FormattableString.Invariant($"{v}")));
        Add("max_detections", MaxDetections is not null, () => $"{Joined(MaxDetections!)}");
        Add("area_ranges", AreaRanges is not null,
            () => $"{Joined(AreaRanges!.Select(a => FormattableString.Invariant($"{a.Name}:{a.Min}:{a.Max}")))}");
        Add("class_agnostic", ClassAgnostic, () => $"true");
        Add("group_of_weight", GroupOfWeight != 0, () => $"{GroupOfWeight}");
        Add("hierarchy", Hierarchy is not null, () => $"given");
        Add("single_precision", YoloSinglePrecision, () => $"true");
        Add("background_threshold", Protocol == DetectionProtocol.Tide && BackgroundThreshold != new ProtocolOptions().BackgroundThreshold,
            () => $"{BackgroundThreshold}");
        Add("keypoint_sigmas", Kind == IouKind.Keypoints && !KeypointSigmas.SequenceEqual(CocoOptions.PersonSigmas),
            () => $"{Joined(KeypointSigmas)}");
        return settings;
    }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Protocol)
        .Defined(Kind)
        .Must(IouThresholds is null || (IouThresholds.Count is > 0 and <= 64 && IouThresholds.All(t => t is >= 0 and <= 1)),
            IouThresholds is null ? "" : string.Join(", ", IouThresholds), "1 to 64 values in [0, 1]", field: nameof(IouThresholds))
        .Must(MaxDetections is null || (MaxDetections.Count > 0 && MaxDetections.All(m => m >= 1)), MaxDetections is null ? ""
            : string.Join(", ", MaxDetections), "one or more numbers from 1 on", field: nameof(MaxDetections))
        .Must(AreaRanges is null
            || (AreaRanges.Count > 0 && AreaRanges.All(a => a.Name.Length > 0 && a.Min >= 0 && a.Min < a.Max)
            && AreaRanges.DistinctBy(a => a.Name).Count() == AreaRanges.Count), AreaRanges is null ? "" : string.Join(", ", AreaRanges),
            "ranges with different names and a minimum from 0 on that is below the maximum", field: nameof(AreaRanges))
        .Must(AreaRanges is null || DetectionProtocols.IsCocoFamily(Protocol), Protocol,
            "the COCO family (coco, coco-fixed, lvis, torchmetrics) with area ranges", field: nameof(AreaRanges))
        .Must(MaxDetections is null || DetectionProtocols.IsCocoFamily(Protocol) || Protocol == DetectionProtocol.Tide, Protocol,
            "the COCO family or tide with limits of detections; the others have none", field: nameof(MaxDetections))
        .Must(DetectionProtocols.Measures(Protocol, Kind), Kind,
            $"{string.Join(", ", Enum.GetValues<IouKind>().Where(k => DetectionProtocols.Measures(Protocol, k)))} with protocol "
                + Protocol, "Take coco or coco-fixed for any kind, yolo for masks, keypoints and oriented boxes.", nameof(Kind))
        .Must(!YoloSinglePrecision || Kind == IouKind.Box, Kind, "boxes in single precision", "Leave single precision out.",
            nameof(YoloSinglePrecision))
        .Within(GroupOfWeight, 0, 1)
        .Within(BackgroundThreshold, 0, 1)
        .AtLeast(Threads, 0);
}
