namespace Cresset.Detection;

/// <summary>A named number.</summary>
/// <param name="Name">Its name, such as AP50.</param>
/// <param name="Value">Its value; -1 or NaN where it is not defined, as the protocol has it.</param>
public readonly record struct ProtocolStatistic(string Name, double Value);

/// <summary>One category under a protocol.</summary>
/// <param name="Id">Category.</param>
/// <param name="Name">Its name.</param>
/// <param name="Positives">Objects that count.</param>
/// <param name="Ap">AP at each IoU threshold; -1 or NaN where it is not defined.</param>
public sealed record ProtocolClass(long Id, string Name, double Positives, IReadOnlyList<double> Ap)
{
    private readonly Lazy<RankedCurve> _curve = new(() => new RankedCurve([], [], double.NaN));

    internal ProtocolClass(long id, string name, double positives, IReadOnlyList<double> ap, Func<RankedCurve> curve)
        : this(id, name, positives, ap) => _curve = new Lazy<RankedCurve>(curve);

    /// <summary>The ranking at the first threshold, made when it is asked for.</summary>
    public RankedCurve Curve => _curve.Value;

    /// <summary>Mean of the defined APs; NaN when none is.</summary>
    public double MeanAp
    {
        get
        {
            var defined = Ap.Where(a => a >= 0).ToArray();
            return defined.Length == 0 ? double.NaN : defined.Average();
        }
    }
}

/// <summary>The answer of one protocol.</summary>
public sealed class ProtocolResult
{
    internal ProtocolResult(DetectionProtocol protocol, IReadOnlyList<double> thresholds, IReadOnlyList<ProtocolStatistic> statistics,
        IReadOnlyList<ProtocolClass> classes)
    {
        Protocol = protocol;
        IouThresholds = thresholds;
        Statistics = statistics;
        Classes = classes;
    }

    /// <summary>The rules used.</summary>
    public DetectionProtocol Protocol { get; }

    /// <summary>IoU thresholds.</summary>
    public IReadOnlyList<double> IouThresholds { get; }

    /// <summary>The protocol's own numbers; the first is its headline.</summary>
    public IReadOnlyList<ProtocolStatistic> Statistics { get; }

    /// <summary>Its categories, ascending by id.</summary>
    public IReadOnlyList<ProtocolClass> Classes { get; }

    /// <summary>The full arrays, for the COCO family.</summary>
    public CocoResult? Coco { get; init; }

    /// <summary>What resampling needs, for ranked protocols.</summary>
    internal RankedState? Ranked { get; init; }

    /// <summary>What resampling needs, for <c>tide</c>: the records of each image, in the order that decides between equal
    /// scores.</summary>
    internal IReadOnlyList<(long Image, List<TideRecord> Records)>? TideImages { get; init; }

    /// <summary>The error breakdown, for <c>tide</c>.</summary>
    public TideResult? Tide { get; init; }

    /// <summary>Best confidence, for <c>yolo</c>.</summary>
    public YoloOperatingPoint? OperatingPoint { get; init; }

    /// <summary>A statistic by name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name; the message lists them.</exception>
    public double this[string name]
    {
        get
        {
            foreach (var statistic in Statistics)
            {
                if (statistic.Name == name) return statistic.Value;
            }
            throw new KeyNotFoundException(
                $"the protocol has no statistic \"{name}\"; it has {string.Join(", ", Statistics.Select(s => s.Name))}.");
        }
    }
}
