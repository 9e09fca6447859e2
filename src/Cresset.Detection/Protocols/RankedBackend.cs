using System.Collections.Concurrent;
using System.Globalization;

namespace Cresset.Detection;

/// <summary>VOC, Object-Detection-Metrics, Open Images and ultralytics: a ranking per category and a rule for its area.</summary>
internal sealed class RankedBackend : IProtocolBackend
{
    private readonly ProtocolOptions _options;
    private readonly IReadOnlyList<DatasetCategory> _categories;
    private readonly HashSet<long> _ids;
    private readonly double[] _thresholds;
    private readonly GroupMatcher _matcher;
    private readonly RankingRules _rules;
    private EvaluationState _state;
    private ConcurrentDictionary<long, int[]> _orders = new();

    public RankedBackend(ProtocolOptions options, IReadOnlyList<DatasetCategory> categories)
    {
        _options = options;
        _categories = categories;
        _ids = [.. categories.Select(c => c.Id)];
        var yolo = options.Protocol is DetectionProtocol.Yolo or DetectionProtocol.YoloLegacy;
        _thresholds = [.. options.IouThresholds ?? (yolo ? Grid.Linspace(.5, .95, 10) : [0.5])];
        if (options.YoloSinglePrecision) _thresholds = Array.ConvertAll(_thresholds, t => (double)(float)t);
        _matcher = MakeMatcher();
        _rules = options.Protocol == DetectionProtocol.OpenImages
            ? new RankingRules(TiesByFileOrder: false, TiesReversedBetweenImages: true, options.GroupOfWeight, DropIgnored: true)
            : new RankingRules(TiesByFileOrder: true);
        _state = new EvaluationState(Fingerprint(), _matcher.Layers);
    }

    public void AddDataset(DetectionDataset dataset, DetectionResults results, IProgress<double>? progress,
        CancellationToken cancellation, MatchLedger? ledger = null)
    {
        if (_options.Kind != IouKind.Box) ShapeCheck.Require(dataset.Objects, _ids, _options.Kind);
        var keep = _options.Protocol == DetectionProtocol.OpenImages ? VerifiedOnly(dataset, results) : null;
        var plan = EvaluationPlan.Make(dataset, results, [.. _ids], _options.ImageIds, _options.ClassAgnostic, lastCopyStandsForAll: false,
            keep);
        foreach (var matches in MatchRunner.Run(plan, MatcherWithLedger, Threads, progress, cancellation)) _state.Put(matches);
        _state.AddImages(plan.ImageIds);

        GroupMatcher MatcherWithLedger()
        {
            var matcher = MakeMatcher();
            matcher.Ledger = ledger;
            return matcher;
        }
    }

    public GroupMatcher Measure() => MakeMatcher();

    public TieRule Ties => _options.Protocol == DetectionProtocol.OpenImages ? TieRule.LaterImageFirst : TieRule.FileOrder;

    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        var (allObjects, allDetections) = ImageGroups.Own(image, objects, detections, _ids);
        if (_options.Kind != IouKind.Box) ShapeCheck.Require(allObjects, _ids, _options.Kind);
        _state.AddImage(image.Id);
        if (_options.Protocol == DetectionProtocol.OpenImages
            && VerifiedOnly(new DetectionDataset([image], _categories, allObjects), new DetectionResults(allDetections)) is { } keep)
        {
            allDetections = [.. allDetections.Where((_, i) => keep(i))];
        }
        foreach (var (category, o, d) in ImageGroups.Split(allObjects, allDetections, _ids, _options.ClassAgnostic))
        {
            MatchRunner.MatchOne(_state.Category(category), _matcher, image.Id, image, allObjects, allDetections, o, d,
                MatchRunner.NoSequence);
        }
    }

    public void Merge(IProtocolBackend other) => _state.Merge(((RankedBackend)other)._state);

    public void Save(Stream stream) => _state.Write(stream);

    public void Restore(Stream stream)
    {
        var state = EvaluationState.Read(stream);
        if (state.Fingerprint != _state.Fingerprint) throw new InvalidDataException(
            $"The state was saved with other options: {state.Fingerprint}; these are {_state.Fingerprint}.");
        _state = state;
    }

    public ProtocolResult Compute()
    {
        (long Id, string Name)[] named = _options.ClassAgnostic ? [(-1L, "all")]
            : [.. _categories.Select(c => (c.Id, ProtocolEvaluator.NameOf(c)))];
        var matches = Array.ConvertAll(named, n => (_state.Find(n.Id) ?? new CategoryMatches(n.Id, _matcher.Layers)).InImageOrder());
        var curves = new RankedCurve[named.Length][];
        Parallel.For(0, named.Length, new ParallelOptions { MaxDegreeOfParallelism = Threads }, k =>
        {
            // The order does not depend on who meets whom, so one serves all thresholds.
            var order = _rules.Order(matches[k]);
            curves[k] = [.. Enumerable.Range(0, _thresholds.Length).Select(t => RankedCurve.Make(matches[k], t, 0, _rules, order))];
        });
        var (statistics, ap, point) = RankedSummary.Make(_options, _thresholds, curves, Ap);
        var classes = named.Select((n, k) => new ProtocolClass(n.Id, n.Name, curves[k][0].Positives, ap[k], () => curves[k][0])).ToArray();
        return new ProtocolResult(_options.Protocol, _thresholds, statistics, classes)
        {
            OperatingPoint = point,
            Ranked = new RankedState(_options, _thresholds, _rules, matches, Ap),
        };
    }

    /// <summary>The first of the protocol's numbers, without the curves.</summary>
    public ProtocolStatistic Headline()
    {
        var ids = _options.ClassAgnostic ? [-1L] : _categories.Select(c => c.Id).ToArray();
        var matches = Array.ConvertAll(ids, id => (_state.Find(id) ?? new CategoryMatches(id, _matcher.Layers)).InImageOrder());
        var ap = new double[ids.Length][];
        var counts = new bool[ids.Length];
        Parallel.For(0, ids.Length, new ParallelOptions { MaxDegreeOfParallelism = Threads }, k =>
        {
            var order = _orders.GetOrAdd(ids[k], _ => _rules.Order(matches[k]));
            ap[k] = new double[_thresholds.Length];
            for (var t = 0; t < _thresholds.Length; t++)
            {
                var curve = RankedCurve.Outline(matches[k], t, 0, _rules, order);
                ap[k][t] = Ap(curve);
                counts[k] |= curve.Positives > 0;
            }
        });
        return RankedSummary.Headline(
            RankedSummary.PerThreshold(_thresholds.Length, ap, [.. ids.Index().Where(c => counts[c.Index]).Select(c => c.Index)]));
    }

    /// <summary>The same images under another protocol; null where that matches otherwise.</summary>
    public RankedBackend? Under(ProtocolOptions options)
    {
        var other = new RankedBackend(options, _categories);
        if (MatchingOf(options) != MatchingOf(_options) || !other._thresholds.AsSpan().SequenceEqual(_thresholds)) return null;
        (other._state, other._orders) = (_state, other._rules == _rules ? _orders : other._orders);
        return other;
    }

    private int Threads => _options.Threads == 0 ? Environment.ProcessorCount : _options.Threads;

    /// <summary>What matches of protocols have to have in common to be the same, thresholds aside.</summary>
    private static (Type Matcher, bool Padilla, ProtocolOptions Others) MatchingOf(ProtocolOptions options) => (
        options.Protocol switch
        {
            DetectionProtocol.OpenImages => typeof(OpenImagesMatcher),
            DetectionProtocol.Yolo or DetectionProtocol.YoloLegacy => typeof(YoloMatcher),
            _ => typeof(VocMatcher),
        },
        options.Protocol is DetectionProtocol.Padilla or DetectionProtocol.Padilla11,
        options with { Protocol = default, IouThresholds = null });

    public double Ap(RankedCurve curve) => _options.Protocol switch
    {
        DetectionProtocol.Voc07 or DetectionProtocol.Padilla11 or DetectionProtocol.Dota => curve.ElevenPointAp(),
        DetectionProtocol.Yolo => YoloCurve.Ap(curve, legacy: false),
        DetectionProtocol.YoloLegacy => YoloCurve.Ap(curve, legacy: true),
        DetectionProtocol.OpenImages when curve.Positives == 0 => double.NaN,
        _ => curve.AllPointAp(),
    };

    private GroupMatcher MakeMatcher() => _options.Protocol switch
    {
        DetectionProtocol.Voc07 or DetectionProtocol.Voc10 => new VocMatcher(_thresholds, padilla: false),
        DetectionProtocol.Dota => new VocMatcher(_thresholds, padilla: false, _options.Kind == IouKind.Oriented),
        DetectionProtocol.Padilla or DetectionProtocol.Padilla11 => new VocMatcher(_thresholds, padilla: true),
        DetectionProtocol.OpenImages => new OpenImagesMatcher(_thresholds),
        _ => new YoloMatcher(_thresholds, _options),
    };

    /// <summary>Where images list verified categories, detections of others are not judged.</summary>
    private static Func<int, bool>? VerifiedOnly(DetectionDataset dataset, DetectionResults results)
    {
        if (!dataset.Images.Any(i => i.NegativeCategoryIds is not null)) return null;
        HashSet<long> known = [.. dataset.Categories.Select(c => c.Id)];
        var keep = FederatedFilter.Keep(dataset.Objects, results.Items, dataset.FindImage, int.MaxValue, known);
        return i => keep[i] || dataset.FindImage(results.Items[i].ImageId)?.NegativeCategoryIds is null;
    }

    private string Fingerprint()
        => string.Create(CultureInfo.InvariantCulture,
        $"{DetectionProtocols.NameOf(_options.Protocol)} "
            + $"iou={string.Join(",", _thresholds.Select(t => t.ToString("R", CultureInfo.InvariantCulture)))} "
            + $"agnostic={_options.ClassAgnostic} "
            + $"single={_options.YoloSinglePrecision}{(_options.Kind == IouKind.Box ? "" : $" kind={_options.Kind}")}");
}
