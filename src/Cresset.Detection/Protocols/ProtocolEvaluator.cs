using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Any protocol, for a data set at once or image by image. Evaluators can be saved and merged; any sharding of the images gives the bits of
/// a single evaluator fed with all of them.
/// </summary>
public sealed class ProtocolEvaluator
{
    private readonly ProtocolOptions _options;
    private readonly IReadOnlyList<DatasetCategory> _categories;
    private readonly IProtocolBackend _backend;

    /// <summary>Makes an empty evaluator.</summary>
    /// <exception cref="InvalidOptionsException">The options are not allowed.</exception>
    public ProtocolEvaluator(IReadOnlyList<DatasetCategory> categories, ProtocolOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(categories);
        _options = (options ?? new ProtocolOptions()).ThrowIfInvalid();
        _categories = InOrder(categories);
        _backend = MakeBackend(_options, _categories);
    }

    /// <summary>Evaluates a whole data set.</summary>
    public static ProtocolResult Evaluate(DetectionDataset dataset, DetectionResults results, ProtocolOptions? options = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
        => FromDataset(dataset, results, options, progress, cancellationToken).Compute();

    /// <summary>Evaluates a whole data set under a protocol with its defaults.</summary>
    public static ProtocolResult Evaluate(DetectionDataset dataset, DetectionResults results, DetectionProtocol protocol)
        => Evaluate(dataset, results, new ProtocolOptions { Protocol = protocol });

    /// <summary>
    /// Matches a whole data set. Where scores are equal, protocols that rank by file order take the order of the results.
    /// </summary>
    public static ProtocolEvaluator FromDataset(DetectionDataset dataset, DetectionResults results, ProtocolOptions? options = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var evaluator = new ProtocolEvaluator(dataset.Categories, options);
        if (evaluator._options.Hierarchy is { } hierarchy) (dataset, results) = hierarchy.Expand(dataset, results);
        evaluator._backend.AddDataset(dataset, results, progress, cancellationToken);
        return evaluator;
    }

    /// <summary>Adds one image with all its objects and detections.</summary>
    /// <exception cref="ArgumentException">The image was added before.</exception>
    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(detections);
        if (_options.Hierarchy is { } hierarchy)
        {
            var expanded = hierarchy.Expand(new DetectionDataset([image], _categories, objects), new DetectionResults(detections));
            (objects, detections) = (expanded.Dataset.Objects.ToArray(), expanded.Results.Items.ToArray());
        }
        _backend.Add(image, objects, detections);
    }

    /// <summary>Takes over the images of another evaluator with the same options.</summary>
    /// <exception cref="ArgumentException">The options differ or an image is in both.</exception>
    public void Merge(ProtocolEvaluator other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other._backend.GetType() != _backend.GetType())
        {
            throw new ArgumentException(
                $"evaluators of {DetectionProtocols.NameOf(_options.Protocol)} and {DetectionProtocols.NameOf(other._options.Protocol)} "
                    + $"cannot be merged.", nameof(other));
        }
        _backend.Merge(other._backend);
    }

    /// <summary>Writes the state; equal states give equal bytes.</summary>
    public void Save(Stream stream) => _backend.Save(stream);

    /// <summary>Reads a state that <see cref="Save"/> wrote, for the same categories and options.</summary>
    /// <exception cref="InvalidDataException">The stream is damaged or was written with other options.</exception>
    public static ProtocolEvaluator Load(Stream stream, IReadOnlyList<DatasetCategory> categories, ProtocolOptions? options = null)
    {
        var evaluator = new ProtocolEvaluator(categories, options);
        evaluator._backend.Restore(stream);
        return evaluator;
    }

    /// <summary>The result over all images added so far.</summary>
    public ProtocolResult Compute() => _backend.Compute();

    internal IProtocolBackend Backend => _backend;

    private static IProtocolBackend MakeBackend(ProtocolOptions options, IReadOnlyList<DatasetCategory> categories)
        => options.Protocol switch
        {
            DetectionProtocol.Coco or DetectionProtocol.CocoFixed or DetectionProtocol.Lvis or DetectionProtocol.TorchMetrics
                => new CocoBackend(options, categories),
            DetectionProtocol.Tide => new TideBackend(options, categories),
            _ => new RankedBackend(options, categories),
        };

    /// <summary>Categories by id, of repeated ids the last.</summary>
    internal static IReadOnlyList<DatasetCategory> InOrder(IReadOnlyList<DatasetCategory> categories)
        => [.. categories.GroupBy(c => c.Id).Select(g => g.Last()).OrderBy(c => c.Id)];

    internal static string NameOf(DatasetCategory c) => c.Name.Length > 0 ? c.Name : c.Id.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The part of a protocol that holds state.</summary>
internal interface IProtocolBackend
{
    void AddDataset(DetectionDataset dataset, DetectionResults results, IProgress<double>? progress, CancellationToken cancellation,
        MatchLedger? ledger = null);

    /// <summary>Overlaps and marks as the protocol takes them.</summary>
    GroupMatcher Measure();

    /// <summary>The order of detections of equal score.</summary>
    TieRule Ties { get; }

    /// <summary>AP of one ranking, as the protocol computes it from a curve with objects.</summary>
    double Ap(RankedCurve curve);

    void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections);

    void Merge(IProtocolBackend other);

    void Save(Stream stream);

    void Restore(Stream stream);

    ProtocolResult Compute();
}
