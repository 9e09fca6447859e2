namespace Cresset.Detection;

/// <summary>tide behind the common face.</summary>
internal sealed class TideBackend(ProtocolOptions options, IReadOnlyList<DatasetCategory> categories) : IProtocolBackend
{
    private readonly TideEvaluator _evaluator = new(options.IouThresholds is { Count: > 0 } t ? t[0] : 0.5, options.BackgroundThreshold,
        options.Kind)
    {
        MaxDetections = options.MaxDetections is { Count: > 0 } max ? max.Max() : 100,
    };

    private long[]? _fileOrder;

    public TieRule Ties => TieRule.ImageFileOrder;

    public GroupMatcher Measure() => new CocoMatcher(
        new CocoOptions { Kind = options.Kind, KeypointSigmas = options.KeypointSigmas },
        new CocoRules { MaxDetections = int.MaxValue, AreaSource = DetectionAreaSource.PerDetection });

    public double Ap(RankedCurve curve) => curve.HundredPointAp();

    public void AddDataset(DetectionDataset dataset, DetectionResults results, IProgress<double>? progress,
        CancellationToken cancellation, MatchLedger? ledger = null)
    {
        if (options.ClassAgnostic)
        {
            dataset = new DetectionDataset(dataset.Images, dataset.Categories,
                Array.ConvertAll(dataset.Objects.ToArray(), o => o with { CategoryId = -1 }));
            results = new DetectionResults(Array.ConvertAll(results.Items.ToArray(), d => d with { CategoryId = -1 }));
        }
        if (options.ImageIds is { } chosen)
        {
            var images = chosen.ToHashSet();
            dataset = dataset.With([.. dataset.Images.Where(i => images.Contains(i.Id))], dataset.Categories,
                [.. dataset.Objects.ToArray().Where(o => images.Contains(o.ImageId))]);
        }
        _fileOrder = _evaluator.AddDataset(dataset, results, cancellation, ledger);
        progress?.Report(1);
    }

    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        (objects, detections) = ImageGroups.Own(image, objects, detections, categories.Select(c => c.Id).ToHashSet());
        _fileOrder = null;
        if (options.ClassAgnostic)
        {
            objects = [.. objects.Select(o => o with { CategoryId = -1 })];
            detections = [.. detections.Select(d => d with { CategoryId = -1 })];
        }
        _evaluator.Add(image, objects, detections);
    }

    public void Merge(IProtocolBackend other)
    {
        _fileOrder = null;
        _evaluator.Merge(((TideBackend)other)._evaluator);
    }

    public void Save(Stream stream) => _evaluator.Save(stream);

    public void Restore(Stream stream) => _evaluator.Restore(stream);

    public ProtocolResult Compute()
    {
        var tide = _fileOrder is null ? _evaluator.Compute() : _evaluator.Compute(_fileOrder);
        var names = categories.ToDictionary(c => c.Id, ProtocolEvaluator.NameOf);
        var classes = tide.ClassAp.Select(c
            => new ProtocolClass(c.Key,
            names.GetValueOrDefault(c.Key) ?? (c.Key == -1 ? "all"
            : c.Key.ToString(System.Globalization.CultureInfo.InvariantCulture)), double.NaN, [c.Value])).ToArray();
        return new ProtocolResult(DetectionProtocol.Tide, [options.IouThresholds is { Count: > 0 } t ? t[0] : 0.5], StatisticsOf(tide),
            classes)
        {
            Tide = tide,
            TideImages = _evaluator.Images(_fileOrder),
        };
    }

    internal static List<ProtocolStatistic> StatisticsOf(TideResult tide)
    {
        var statistics = new List<ProtocolStatistic> { new("AP", tide.Ap) };
        statistics.AddRange(tide.Deltas.Select(d => new ProtocolStatistic("d" + d.Key, d.Value)));
        statistics.Add(new ProtocolStatistic("dFalsePositive", tide.FalsePositiveDelta));
        statistics.Add(new ProtocolStatistic("dFalseNegative", tide.FalseNegativeDelta));
        return statistics;
    }
}
