namespace Cresset.Detection;

/// <summary>coco, coco-fixed, lvis and torchmetrics behind the common face.</summary>
internal sealed class CocoBackend : IProtocolBackend
{
    private readonly DetectionProtocol _protocol;
    private readonly IReadOnlyList<DatasetCategory> _categories;
    private readonly CocoOptions _options;
    private readonly CocoVariant _variant;
    private CocoEvaluator _evaluator;

    public CocoBackend(ProtocolOptions options, IReadOnlyList<DatasetCategory> categories)
    {
        _protocol = options.Protocol;
        _categories = categories;
        _options = OptionsOf(options);
        _variant = options.Protocol switch
        {
            DetectionProtocol.Lvis => CocoVariant.Lvis,
            DetectionProtocol.TorchMetrics => CocoVariant.TorchMetrics,
            _ => CocoVariant.Coco,
        };
        _evaluator = new CocoEvaluator(categories, _options, _variant);
    }

    public static CocoOptions OptionsOf(ProtocolOptions options)
    {
        var coco = (options.Kind == IouKind.Keypoints ? CocoOptions.Keypoints : new CocoOptions { Kind = options.Kind }) with
        {
            ClassAgnostic = options.ClassAgnostic,
            ImageIds = options.ImageIds,
            KeypointSigmas = options.KeypointSigmas,
            Threads = options.Threads,
        };
        if (options.Protocol == DetectionProtocol.Lvis) coco = coco with { MaxDetections = [300] };
        if (options.Protocol == DetectionProtocol.TorchMetrics)
        {
            coco = coco with { IouThresholds = SingleLinspace(.5f, .95f, 10), RecallThresholds = SingleLinspace(0, 1, 101) };
        }
        if (options.AreaRanges is { } ranges)
        {
            coco = coco with
            {
                AreaRanges = ranges.Any(r => r.Name == "all") ? [.. ranges.OrderByDescending(r => r.Name == "all")]
                : [coco.AreaRanges[0], .. ranges]
            };
        }
        if (options.MaxDetections is { } max) coco = coco with { MaxDetections = max };
        if (options.IouThresholds is { } ious)
        {
            coco = coco with
            {
                IouThresholds = options.Protocol == DetectionProtocol.TorchMetrics ? [.. ious.Select(t => (double)(float)t)]
                : ious
            };
        }
        return options.Protocol == DetectionProtocol.CocoFixed ? coco.AsCorrected() : coco;
    }

    public void AddDataset(DetectionDataset dataset, DetectionResults results, IProgress<double>? progress, CancellationToken cancellation,
        MatchLedger? ledger = null)
    {
        if (_variant == CocoVariant.TorchMetrics) (dataset, results) = AsSingle(dataset, results);
        _evaluator = CocoEvaluator.FromDataset(dataset, results, _options, _variant, progress, cancellation, ledger);
    }

    public GroupMatcher Measure()
        => new CocoMatcher(_options, CocoEvaluator.RulesOf(_options, int.MaxValue, DetectionAreaSource.PerDetection, _variant));

    public TieRule Ties => TieRule.ImageOrder;

    /// <summary>The same evaluation over other ranges of the objects.</summary>
    public CocoResult Sliced(DetectionDataset dataset, DetectionResults results, CocoOptions ranges, CancellationToken cancellation)
    {
        var options = _options with { AreaRanges = ranges.AreaRanges, Measure = ranges.Measure };
        return CocoEvaluator.FromDataset(dataset, results, options, _variant, null, cancellation).Compute();
    }

    public double Ap(RankedCurve curve) => curve.GridAp(_options.RecallThresholds);

    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        if (_variant == CocoVariant.TorchMetrics)
        {
            objects = Array.ConvertAll(objects.ToArray(), Single);
            detections = Array.ConvertAll(detections.ToArray(), Single);
        }
        _evaluator.Add(image, objects, detections);
    }

    public void Merge(IProtocolBackend other) => _evaluator.Merge(((CocoBackend)other)._evaluator);

    public void Save(Stream stream) => _evaluator.Save(stream);

    public void Restore(Stream stream) => _evaluator = CocoEvaluator.Load(stream, _categories, _options, _variant);

    public ProtocolResult Compute()
    {
        var result = _evaluator.Compute();
        var statistics = result.StatNames.Zip(result.Stats, (n, v) => new ProtocolStatistic(n, v)).ToArray();
        var rules = new RankingRules(TiesByFileOrder: false);
        var classes = result.CategoryIds.Select((id, k) => new ProtocolClass(
            id,
            result.CategoryNames[k],
            result.Matches[k].TotalPositives(0),
            [.. Enumerable.Range(0, _options.IouThresholds.Count).Select(t => result.AveragePrecision(t, k))],
            () => RankedCurve.Make(result.Matches[k], 0, 0, rules))).ToArray();
        return new ProtocolResult(_protocol, _options.IouThresholds, statistics, classes) { Coco = result };
    }

    /// <summary>torch.linspace in float32: from both ends to the middle, each value rounded once.</summary>
    internal static double[] SingleLinspace(float start, float end, int count)
    {
        var step = (end - start) / (count - 1);
        var values = new double[count];
        for (var i = 0; i < count; i++) values[i] = (float)(i < count / 2 ? start + ((double)step * i)
            : end - ((double)step * (count - 1 - i)));
        return values;
    }

    /// <summary>Boxes, areas and scores as float32 holds them.</summary>
    internal static (DetectionDataset Dataset, DetectionResults Results) AsSingle(DetectionDataset dataset, DetectionResults results)
        => (dataset.With(Array.ConvertAll(dataset.Objects.ToArray(), Single)),
            new DetectionResults(Array.ConvertAll(results.Items.ToArray(), Single)) { Source = results.Source });

    private static GroundTruthObject Single(GroundTruthObject o) => o with { Box = Single(o.Box), Area = (float)o.Area };

    private static DetectedObject Single(DetectedObject d) => d with { Box = Single(d.Box), Score = (float)d.Score };

    private static Box Single(Box b) => new((float)b.X, (float)b.Y, (float)b.Width, (float)b.Height);
}
