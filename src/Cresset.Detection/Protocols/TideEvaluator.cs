using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>Why a detection is wrong, or an object is missed (Bolya et al. 2020, TIDE, arXiv:2008.08115).</summary>
public enum TideError
{
    /// <summary>Well placed, wrong class.</summary>
    Classification,

    /// <summary>Right class, badly placed.</summary>
    Localization,

    /// <summary>Wrong class and badly placed, or nothing else fits.</summary>
    Both,

    /// <summary>A second detection of an object that is taken.</summary>
    Duplicate,

    /// <summary>Overlaps no object.</summary>
    Background,

    /// <summary>An object that no detection comes near.</summary>
    Missed,
}

/// <summary>What raising one kind of error to right would bring.</summary>
/// <param name="Ap">Mean AP at the positive threshold, in [0, 1].</param>
/// <param name="Counts">Number of errors of each kind.</param>
/// <param name="Deltas">Gain in AP when all errors of one kind are repaired, never below 0.</param>
/// <param name="FalsePositiveDelta">Gain when no false positive outranks a hit.</param>
/// <param name="FalseNegativeDelta">Gain when no object is missed.</param>
/// <param name="ClassAp">AP of each class; 0 for a class with detections only.</param>
public sealed record TideResult(double Ap, IReadOnlyDictionary<TideError, int> Counts, IReadOnlyDictionary<TideError, double> Deltas,
    double FalsePositiveDelta, double FalseNegativeDelta, IReadOnlyDictionary<long, double> ClassAp);

/// <summary>The error breakdown of tidecv, image by image or for a data set; evaluators can be saved and merged.</summary>
public sealed class TideEvaluator
{
    private readonly double _positive, _background;
    private readonly IouKind _kind;
    private readonly SortedDictionary<long, List<TideRecord>> _images = [];
    private readonly OverlapMatrix _overlap;

    /// <summary>Makes an empty evaluator.</summary>
    /// <param name="positiveThreshold">IoU from which a detection is a hit.</param>
    /// <param name="backgroundThreshold">IoU below which it is background.</param>
    /// <param name="kind">Boxes or masks.</param>
    public TideEvaluator(double positiveThreshold = 0.5, double backgroundThreshold = 0.1, IouKind kind = IouKind.Box)
    {
        if (!(positiveThreshold is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(positiveThreshold), positiveThreshold,
            "The positive threshold must lie in (0, 1].");
        if (!(backgroundThreshold >= 0 && backgroundThreshold <= positiveThreshold)) throw new ArgumentOutOfRangeException(
            nameof(backgroundThreshold), backgroundThreshold, "The background threshold must lie between 0 and the positive threshold.");
        if (kind == IouKind.Keypoints) throw new ArgumentException("keypoints have no error breakdown; take boxes or masks.", nameof(kind));
        (_positive, _background, _kind) = (positiveThreshold, backgroundThreshold, kind);
        _overlap = new OverlapMatrix(new CocoOptions { Kind = kind });
    }

    /// <summary>Most detections of an image that are looked at.</summary>
    public int MaxDetections { get; init; } = 100;

    private string Fingerprint
        => string.Create(CultureInfo.InvariantCulture,
        $"tide kind={_kind} positive={_positive:R} background={_background:R} dets={MaxDetections}");

    /// <summary>Breaks down a whole data set; images count in the order of the file where scores are equal.</summary>
    public static TideResult Evaluate(DetectionDataset dataset, DetectionResults results, double positiveThreshold = 0.5,
        double backgroundThreshold = 0.1, IouKind kind = IouKind.Box, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var evaluator = new TideEvaluator(positiveThreshold, backgroundThreshold, kind);
        var order = evaluator.AddDataset(dataset, results, cancellationToken);
        return evaluator.Compute(order);
    }

    /// <summary>Adds one image with all its objects and detections.</summary>
    /// <exception cref="ArgumentException">The image was added before.</exception>
    public void Add(DatasetImage image, IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(detections);
        if (_images.ContainsKey(image.Id)) throw new ArgumentException($"image {image.Id} was added before; every image is added once.",
            nameof(image));
        ShapeCheck.Require(objects as GroundTruthObject[] ?? [.. objects], _kind);
        _images[image.Id] = new TideImage(_positive, _background, _overlap, MaxDetections)
            .Run(image, objects as GroundTruthObject[] ?? [.. objects], detections as DetectedObject[] ?? [.. detections]);
    }

    /// <summary>Takes over the images of another evaluator with the same settings.</summary>
    public void Merge(TideEvaluator other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Fingerprint != Fingerprint) throw new ArgumentException(
            $"evaluators of different settings cannot be merged: {Fingerprint} and {other.Fingerprint}.", nameof(other));
        foreach (var (id, records) in other._images)
        {
            if (!_images.TryAdd(id, records)) throw new ArgumentException(
                $"image {id} is in both evaluators; shards must not share images.", nameof(other));
        }
    }

    /// <summary>The breakdown over all images added; of equal scores those of the image with the smaller id come first.</summary>
    public TideResult Compute() => Compute([.. _images.Keys]);

    /// <summary>Writes the state; equal states give equal bytes.</summary>
    public void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Fingerprint);
        writer.Write(_images.Count);
        foreach (var (id, records) in _images)
        {
            writer.Write(id);
            writer.Write(records.Count);
            foreach (var r in records) r.Write(writer);
        }
    }

    /// <summary>Fills this empty evaluator with a state that <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream is damaged or was written with other settings.</exception>
    public void Restore(Stream stream)
    {
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        try
        {
            var found = reader.ReadString();
            if (found != Fingerprint) throw new InvalidDataException(
                $"The state was saved with other settings: {found}; these are {Fingerprint}.");
            var images = reader.ReadInt32();
            for (var i = 0; i < images; i++)
            {
                var id = reader.ReadInt64();
                var records = new List<TideRecord>();
                var count = reader.ReadInt32();
                for (var r = 0; r < count; r++) records.Add(TideRecord.Read(reader));
                if (!_images.TryAdd(id, records)) throw new InvalidDataException($"The state holds image {id} twice.");
            }
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException("The saved state of the evaluator is cut off.");
        }
    }

    internal long[] AddDataset(DetectionDataset dataset, DetectionResults results, CancellationToken cancellationToken,
        MatchLedger? ledger = null)
    {
        ShapeCheck.Require(dataset.Objects, _kind);
        GroundTruthObject[] allObjects = dataset.Objects.ToArray();
        DetectedObject[] allDetections = results.Items.ToArray();
        var objects = Enumerable.Range(0, allObjects.Length).ToLookup(i => allObjects[i].ImageId);
        var detections = Enumerable.Range(0, allDetections.Length).ToLookup(i => allDetections[i].ImageId);
        var order = new List<long>();
        foreach (var image in dataset.Images.DistinctBy(i => i.Id))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] o = [.. objects[image.Id]], d = [.. detections[image.Id]];
            var run = new TideImage(_positive, _background, _overlap, MaxDetections);
            _images[image.Id] = run.Run(image, Array.ConvertAll(o, i => allObjects[i]), Array.ConvertAll(d, i => allDetections[i]),
                ledger, o, d);
            order.Add(image.Id);
        }
        return [.. order];
    }

    internal IReadOnlyList<(long Image, List<TideRecord> Records)> Images(IReadOnlyList<long>? order)
        => [.. (order ?? [.. _images.Keys]).Select(id => (id, _images[id]))];

    /// <summary>Mean AP without the breakdown of errors.</summary>
    internal double ComputeAp(IReadOnlyList<long> imageOrder) => new TideRepair([.. imageOrder.SelectMany(id => _images[id])]).Ap();

    internal TideResult Compute(IReadOnlyList<long> imageOrder) => new TideRepair([.. imageOrder.SelectMany(id => _images[id])]).Result();
}
