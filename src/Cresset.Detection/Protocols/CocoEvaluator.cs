using System.Globalization;

namespace Cresset.Detection;

/// <summary>
/// COCO evaluation, all at once
/// (<see cref="Evaluate(DetectionDataset, DetectionResults, CocoOptions?, IProgress{double}?, CancellationToken)"/>) or image by image.
/// Evaluators can be saved and merged; any sharding gives the bits of a single run.
/// </summary>
public sealed class CocoEvaluator
{
    private readonly CocoOptions _options;
    private readonly int[] _maxDetections;
    private readonly DatasetCategory[] _categories;
    private readonly HashSet<long> _categoryIds, _allCategoryIds;
    private readonly HashSet<long>? _imageIds;
    private readonly CocoMatcher _matcher;
    private readonly CocoRules _rules;
    private readonly CocoVariant _variant;
    private readonly EvaluationState _state;

    /// <summary>Makes an empty evaluator for the given categories.</summary>
    /// <exception cref="Numerics.InvalidOptionsException">The options are not allowed.</exception>
    public CocoEvaluator(IReadOnlyList<DatasetCategory> categories, CocoOptions? options = null)
        : this(categories, options ?? new CocoOptions(), CocoVariant.Coco)
    {
    }

    internal CocoEvaluator(IReadOnlyList<DatasetCategory> categories, CocoOptions options, CocoVariant variant,
        DetectionAreaSource areaSource = DetectionAreaSource.PerDetection, EvaluationState? state = null)
    {
        ArgumentNullException.ThrowIfNull(categories);
        _options = Numerics.OptionsRecordExtensions.ThrowIfInvalid(options);
        _maxDetections = [.. options.MaxDetections.Order()];
        var chosen = options.CategoryIds?.ToHashSet();
        _categories = [.. categories.GroupBy(c => c.Id).Select(g => g.Last()).Where(c => chosen is null || chosen.Contains(c.Id)).OrderBy(c
            => c.Id)];
        _categoryIds = [.. _categories.Select(c => c.Id)];
        _allCategoryIds = [.. categories.Select(c => c.Id)];
        _imageIds = options.ImageIds?.ToHashSet();
        _variant = variant;
        _rules = RulesOf(options, _maxDetections[^1], areaSource, variant);
        _matcher = new CocoMatcher(options, _rules);
        _state = state ?? new EvaluationState(FingerprintOf(options, _maxDetections, variant), options.AreaRanges.Count);
    }

    /// <summary>Number of images added.</summary>
    public int ImageCount => _state.Images.Count;

    /// <summary>Evaluates a whole data set.</summary>
    public static CocoResult Evaluate(DetectionDataset dataset, DetectionResults results, CocoOptions? options = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
        => FromDataset(dataset, results, options, progress, cancellationToken).Compute();

    /// <summary>Matches a whole data set and gives the filled evaluator, which can be saved or merged.</summary>
    public static CocoEvaluator FromDataset(DetectionDataset dataset, DetectionResults results, CocoOptions? options = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
        => FromDataset(dataset, results, options ?? new CocoOptions(), CocoVariant.Coco, progress, cancellationToken);

    internal static CocoEvaluator FromDataset(DetectionDataset dataset, DetectionResults results, CocoOptions options, CocoVariant variant,
        IProgress<double>? progress, CancellationToken cancellationToken, MatchLedger? ledger = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        // That the first result decides for all is an accident of files; objects in memory answer each for itself.
        var source = options.Corrected || results.Source.Length == 0 ? DetectionAreaSource.PerDetection : CocoRules.SourceOf(results.Items);
        ShapeCheck.Require(dataset, options);
        var evaluator = new CocoEvaluator(dataset.Categories, options, variant, source);
        var keep = variant == CocoVariant.Lvis
            ? FederatedFilter.Keep(dataset.Objects, results.Items, dataset.FindImage, evaluator._maxDetections[^1], evaluator._categoryIds)
            : null;
        var plan = EvaluationPlan.Make(dataset, results, options.CategoryIds, options.ImageIds, options.ClassAgnostic,
            lastCopyStandsForAll: !options.Corrected, keep is null ? null : i => keep[i]);
        foreach (var matches in MatchRunner.Run(plan, () => new CocoMatcher(options, evaluator._rules) { Ledger = ledger },
            options.ThreadCount, progress, cancellationToken))
        {
            evaluator._state.Put(matches);
        }
        evaluator._state.AddImages(plan.ImageIds);
        return evaluator;
    }

    /// <summary>Adds one image with all its objects and detections; ids of images in the records are not read.</summary>
    /// <exception cref="ArgumentException">The image was added before.</exception>
    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(detections);
        if (_imageIds is not null && !_imageIds.Contains(image.Id)) return;
        var (allObjects, allDetections) = ImageGroups.Own(image, objects, detections, _allCategoryIds);
        ShapeCheck.Require(allObjects, _categoryIds, _options.Kind);
        _state.AddImage(image.Id);
        if (_variant == CocoVariant.Lvis)
        {
            var keep = FederatedFilter.Keep(allObjects, allDetections, _ => image, _maxDetections[^1], _categoryIds);
            allDetections = [.. allDetections.Where((_, i) => keep[i])];
        }
        foreach (var (category, o, d) in ImageGroups.Split(allObjects, allDetections, _categoryIds, _options.ClassAgnostic))
        {
            MatchRunner.MatchOne(_state.Category(category), _matcher, image.Id, image, allObjects, allDetections, o, d,
                MatchRunner.NoSequence);
        }
    }

    /// <summary>Takes over the images of another evaluator with the same options.</summary>
    /// <exception cref="ArgumentException">The options differ or an image is in both.</exception>
    public void Merge(CocoEvaluator other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _state.Merge(other._state);
    }

    /// <summary>Writes the state; equal states give equal bytes.</summary>
    public void Save(Stream stream) => _state.Write(stream);

    /// <summary>Reads a state that <see cref="Save"/> wrote, for the same categories and options.</summary>
    /// <exception cref="InvalidDataException">The stream is damaged or was written with other options.</exception>
    public static CocoEvaluator Load(Stream stream, IReadOnlyList<DatasetCategory> categories, CocoOptions? options = null)
        => Load(stream, categories, options ?? new CocoOptions(), CocoVariant.Coco);

    internal static CocoEvaluator Load(Stream stream, IReadOnlyList<DatasetCategory> categories, CocoOptions options, CocoVariant variant)
    {
        var state = EvaluationState.Read(stream);
        var wanted = FingerprintOf(options, [.. options.MaxDetections.Order()], variant);
        if (state.Fingerprint != wanted)
        {
            throw new InvalidDataException($"The state was saved with other options: {state.Fingerprint}; these are {wanted}.");
        }
        return new CocoEvaluator(categories, options, variant, DetectionAreaSource.PerDetection, state);
    }

    /// <summary>The result over all images added so far; more may be added afterwards.</summary>
    public CocoResult Compute()
    {
        var ids = _options.ClassAgnostic ? [-1L] : Array.ConvertAll(_categories, c => c.Id);
        var tables = new CocoTables(_options.IouThresholds.Count, _options.RecallThresholds.Count, ids.Length, _options.AreaRanges.Count,
            _maxDetections.Length);
        var matches = Array.ConvertAll(ids, id => (_state.Find(id) ?? new CategoryMatches(id, _options.AreaRanges.Count)).InImageOrder());
        if (_options.ThreadCount <= 1 || ids.Length == 1)
        {
            var accumulator = new CocoAccumulator(_options, _maxDetections);
            for (var k = 0; k < ids.Length; k++) accumulator.Accumulate(matches[k], k, tables);
        }
        else
        {
            Parallel.For(0, ids.Length, new ParallelOptions { MaxDegreeOfParallelism = _options.ThreadCount }, ()
                => new CocoAccumulator(_options, _maxDetections), (k, _, accumulator) =>
            {
                accumulator.Accumulate(matches[k], k, tables);
                return accumulator;
            }, _ => { });
        }
        var names = ids is [-1] && _options.ClassAgnostic ? ["all"]
            : Array.ConvertAll(_categories, c => c.Name.Length > 0 ? c.Name : c.Id.ToString(CultureInfo.InvariantCulture));
        var frequencies = _options.ClassAgnostic ? [""] : Array.ConvertAll(_categories, c => c.Frequency);
        return new CocoResult(_options, _variant, ids, names, frequencies, _maxDetections, tables, matches);
    }

    internal static CocoRules RulesOf(CocoOptions options, int maxDetections, DetectionAreaSource areaSource,
        CocoVariant variant = CocoVariant.Coco) => new()
        {
            MaxDetections = variant == CocoVariant.Lvis ? int.MaxValue : maxDetections,
            CrowdsAreReusable = variant != CocoVariant.Lvis,
            IdZeroIsNoMatch = !options.Corrected && variant != CocoVariant.TorchMetrics,
            IgnoringMarks = variant == CocoVariant.Lvis ? ObjectMarks.Ignore : options.Corrected ? ObjectMarks.Crowd | ObjectMarks.Ignore
            : ObjectMarks.Crowd,
            UnlabelledAreIgnored = options.Kind == IouKind.Keypoints,
            AreaSource = options.Kind == IouKind.Oriented ? DetectionAreaSource.Corners : areaSource,
            HonoursNotExhaustive = variant == CocoVariant.Lvis,
        };

    private static string FingerprintOf(CocoOptions o, int[] maxDetections, CocoVariant variant)
    {
        static string List(IEnumerable<double> values)
            => string.Join(",", values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
        var areas = string.Join(",",
            o.AreaRanges.Select(a => string.Create(CultureInfo.InvariantCulture, $"{a.Name}:{a.Min:R}-{a.Max:R}")));
        return string.Create(CultureInfo.InvariantCulture,
            $"{variant} kind={o.Kind} iou={List(o.IouThresholds)} dets={string.Join(",", maxDetections)} areas={areas} by={o.Measure} "
                + $"agnostic={o.ClassAgnostic} corrected={o.Corrected} "
                + $"sigmas={(o.Kind == IouKind.Keypoints ? List(o.KeypointSigmas) : "")} "
                + $"band={(o.Kind == IouKind.Boundary ? o.BoundaryRatio : 0):R}");
    }
}
