using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// A protocol of scoring by its name, with the parameters that it alone has; <see cref="ToOptions"/> is what an evaluator takes.
/// </summary>
[PartKind("protocol")]
public abstract record ProtocolPart : IOptionsRecord
{
    /// <summary>The rules.</summary>
    public abstract DetectionProtocol Protocol { get; }

    /// <summary>Parameters with what its tool takes for all others.</summary>
    public virtual ProtocolOptions ToOptions() => new() { Protocol = Protocol };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => ToOptions().Validate();
}

/// <summary>pycocotools, accidents included.</summary>
[Part("coco", "Lin et al. 2014, arXiv:1405.0312")]
public sealed record CocoProtocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Coco;
}

/// <summary>COCO without the known accidents.</summary>
[Part("coco-fixed")]
public sealed record CocoFixedProtocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.CocoFixed;
}

/// <summary>VOC until 2009: mean of 11 precisions.</summary>
[Part("voc07", "Everingham et al. 2010")]
public sealed record Voc07Protocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Voc07;
}

/// <summary>VOC from 2010 on: area under the envelope.</summary>
[Part("voc10", "Everingham et al. 2010")]
public sealed record Voc10Protocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Voc10;
}

/// <summary>Object-Detection-Metrics, all points.</summary>
[Part("padilla", "Padilla et al. 2020")]
public sealed record PadillaProtocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Padilla;
}

/// <summary>Object-Detection-Metrics, 11 points.</summary>
[Part("padilla-11", "Padilla et al. 2020")]
public sealed record Padilla11Protocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Padilla11;
}

/// <summary>LVIS: federated annotation, frequency groups, 300 detections per image.</summary>
[Part("lvis", "Gupta et al. 2019, arXiv:1908.03195")]
public sealed record LvisProtocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Lvis;
}

/// <summary>Open Images: group-of regions, hierarchy.</summary>
[Part("openimages", "Kuznetsova et al. 2018, arXiv:1811.00982")]
public sealed record OpenImagesProtocol : ProtocolPart
{
    /// <summary>Weight of a group-of region that was found, 0 or 1.</summary>
    public double GroupOfWeight { get; init; }

    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.OpenImages;

    /// <inheritdoc/>
    public override ProtocolOptions ToOptions() => base.ToOptions() with { GroupOfWeight = GroupOfWeight };
}

/// <summary>What both curves of ultralytics share.</summary>
public abstract record YoloRules : ProtocolPart
{
    /// <summary>What is compared: boxes, masks, keypoints or oriented boxes.</summary>
    public IouKind Shape { get; init; }

    /// <summary>Compute overlaps of boxes in float32 with 1e-7 added to the union, as the package does.</summary>
    public bool SinglePrecision { get; init; }

    /// <inheritdoc/>
    public override ProtocolOptions ToOptions() => base.ToOptions() with { Kind = Shape, YoloSinglePrecision = SinglePrecision };
}

/// <summary>ultralytics, current curve.</summary>
[Part("yolo", "Llerena et al. 2021, arXiv:2106.06072, for oriented boxes")]
public sealed record YoloProtocol : YoloRules
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Yolo;
}

/// <summary>ultralytics before the curve was closed at the last recall.</summary>
[Part("yolo-legacy")]
public sealed record YoloLegacyProtocol : YoloRules
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.YoloLegacy;
}

/// <summary>torchmetrics: COCO in float32.</summary>
[Part("torchmetrics")]
public sealed record TorchMetricsProtocol : ProtocolPart
{
    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.TorchMetrics;
}

/// <summary>tidecv: errors by kind.</summary>
[Part("tide", "Bolya et al. 2020, arXiv:2008.08115")]
public sealed record TideProtocol : ProtocolPart
{
    /// <summary>IoU below which a detection is background.</summary>
    public double BackgroundThreshold { get; init; } = new ProtocolOptions().BackgroundThreshold;

    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Tide;

    /// <inheritdoc/>
    public override ProtocolOptions ToOptions() => base.ToOptions() with { BackgroundThreshold = BackgroundThreshold };
}

/// <summary>The DOTA development kit: the ranking of VOC 2007 over boxes of four corners (task 1), or over level boxes (task 2).</summary>
[Part("dota", "Xia et al. 2018, arXiv:1711.10398")]
public sealed record DotaProtocol : ProtocolPart
{
    /// <summary>Compare oriented boxes; else their level bounds.</summary>
    public bool Oriented { get; init; } = true;

    /// <inheritdoc/>
    public override DetectionProtocol Protocol => DetectionProtocol.Dota;

    /// <inheritdoc/>
    public override ProtocolOptions ToOptions() => base.ToOptions() with { Kind = Oriented ? IouKind.Oriented : IouKind.Box };
}
