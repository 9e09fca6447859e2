using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>How one image was scored.</summary>
/// <param name="Image">The image.</param>
/// <param name="Hits">Detections that met an object of their class.</param>
/// <param name="False">Detections that met none.</param>
/// <param name="Missed">Objects that no detection met.</param>
/// <param name="F1"><c>2 hits / (2 hits + false + missed)</c>; NaN where there is nothing to find and nothing found.</param>
/// <param name="Ap">Mean AP of the image's classes over all scores, by the protocol's curve; NaN without objects that count.</param>
public sealed record ImageScore(DatasetImage Image, int Hits, int False, int Missed, double F1, double Ap);

/// <summary>
/// Which detection met which object under a protocol at one IoU threshold. Curves, confusion, error breakdown, label errors and pictures of
/// a report all come from it, so they speak of the same hits as the score.
/// </summary>
public sealed class DetectionMatching
{
    private readonly IProtocolBackend _backend;

    private DetectionMatching(DetectionDataset dataset, DetectionResults results, ProtocolOptions options, IProtocolBackend backend,
        MatchLedger ledger)
    {
        Dataset = dataset;
        Results = results;
        Options = options;
        _backend = backend;
        Ledger = ledger;
        Result = backend.Compute();
    }

    /// <summary>Ground truth as it was matched (with a hierarchy, with the copies that it adds).</summary>
    public DetectionDataset Dataset { get; }

    /// <summary>Detections as they were matched.</summary>
    public DetectionResults Results { get; }

    /// <summary>The protocol, with the one IoU threshold.</summary>
    public ProtocolOptions Options { get; }

    /// <summary>IoU threshold.</summary>
    public double IouThreshold => Options.IouThresholds![0];

    /// <summary>The protocol's answer at this threshold.</summary>
    public ProtocolResult Result { get; }

    internal MatchLedger Ledger { get; }

    internal IProtocolBackend Backend => _backend;

    /// <summary>Matches a whole data set.</summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="options">The protocol; its thresholds are not read.</param>
    /// <param name="iouThreshold">IoU threshold in (0, 1].</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="InvalidOptionsException">The options are not allowed.</exception>
    public static DetectionMatching Create(DetectionDataset dataset, DetectionResults results, ProtocolOptions? options = null,
        double iouThreshold = 0.5, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        if (!(iouThreshold is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(iouThreshold), iouThreshold,
            "The IoU threshold must lie in (0, 1].");
        var o = (options ?? new ProtocolOptions()) with { IouThresholds = [iouThreshold] };
        if (o.Hierarchy is { } hierarchy)
        {
            (dataset, results) = hierarchy.Expand(dataset, results);
            o = o with { Hierarchy = null };
        }
        if (o.Protocol == DetectionProtocol.TorchMetrics) (dataset, results) = CocoBackend.AsSingle(dataset, results);
        var backend = new ProtocolEvaluator(dataset.Categories, o).Backend;
        var ledger = new MatchLedger(dataset.Objects.Length, results.Items.Length);
        backend.AddDataset(dataset, results, null, cancellationToken, ledger);
        return new DetectionMatching(dataset, results, o, backend, ledger);
    }

    /// <summary>What became of a detection, by its place in <see cref="Results"/>.</summary>
    public MatchOutcome OfDetection(int index) => Ledger.Detections[index];

    /// <summary>What became of an object, by its place in <see cref="Dataset"/>.</summary>
    public MatchOutcome OfObject(int index) => Ledger.Objects[index];

    /// <summary>The object that a detection met (a place in <see cref="Dataset"/>) and their IoU; null when it met none.</summary>
    public (int Object, double Iou)? MatchOf(int detection)
        => Ledger.ObjectOf[detection] is >= 0 and var o ? (o, Ledger.Iou[detection]) : null;

    /// <summary>
    /// Images with their pairs when detections below a score are left out: the protocol's own hits first; then each false detection, by
    /// falling score, with the object of another class that is still free and overlaps it most at the threshold or above. Whatever the
    /// protocol does not count is left out.
    /// </summary>
    public IReadOnlyList<ImageMatches> ImagesAt(double minScore = double.NegativeInfinity, CancellationToken cancellationToken = default)
    {
        var objects = PlacesByImage(Dataset.Objects.Length, i => Dataset.Objects[i].ImageId, i => Counted(Ledger.Objects[i]));
        var detections = PlacesByImage(
            Results.Items.Length,
            i => Results.Items[i].ImageId,
            i => Results.Items[i].Score >= minScore && Ledger.Detections[i] is MatchOutcome.Hit or MatchOutcome.False);
        var measure = _backend.Measure();
        var images = new List<ImageMatches>();
        foreach (var image in Dataset.Images.DistinctBy(i => i.Id).OrderBy(i => i.Id))
        {
            cancellationToken.ThrowIfCancellationRequested();
            images.Add(new ImageMatches(image, Pairs(image, [.. objects[image.Id]], [.. detections[image.Id]], measure)));
        }
        return images;
    }

    /// <summary>Counts, F1 and AP of every image, ascending by id.</summary>
    /// <param name="minScore">Detections below are left out of counts and F1.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public IReadOnlyList<ImageScore> ImageScores(double minScore = double.NegativeInfinity, CancellationToken cancellationToken = default)
    {
        var objects = PlacesByImage(Dataset.Objects.Length, i => Dataset.Objects[i].ImageId, i => Counted(Ledger.Objects[i]));
        var detections = PlacesByImage(Results.Items.Length, i => Results.Items[i].ImageId, i
            => Ledger.Detections[i] is MatchOutcome.Hit or MatchOutcome.False);
        var scores = new List<ImageScore>();
        foreach (var image in Dataset.Images.DistinctBy(i => i.Id).OrderBy(i => i.Id))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int hits = 0, wrong = 0, total = objects[image.Id].Count();
            foreach (var d in detections[image.Id])
            {
                if (!(Results.Items[d].Score >= minScore)) continue;
                if (Ledger.Detections[d] == MatchOutcome.Hit) hits++;
                else wrong++;
            }
            var all = hits + wrong + total;
            scores.Add(new ImageScore(image, hits, wrong, total - hits, all == 0 ? double.NaN : 2.0 * hits / all,
                ImageAp(objects[image.Id], detections[image.Id])));
        }
        return scores;
    }

    /// <summary>Every false detection (a place in <see cref="Results"/>) with its kind, as TIDE names them (arXiv:2008.08115).</summary>
    /// <param name="background">IoU below which a detection has nothing to do with an object.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public IReadOnlyList<(int Detection, TideError Kind)> NameErrors(double background = 0.1, CancellationToken cancellationToken = default)
        => [.. new ErrorBreakdown(this).Name(Math.Min(background, IouThreshold), cancellationToken).Select(e => (e.Detection, e.Error))];

    /// <summary>The ranking of every class at the threshold, without detections that do not count; ascending by id.</summary>
    internal IReadOnlyList<(long Id, string Name, RankedCurve Curve)> Rankings()
    {
        if (Options.Protocol == DetectionProtocol.Tide) return new ErrorBreakdown(this).Rankings();
        return [.. Result.Classes.Select(c => (c.Id, c.Name, c.Curve.WithoutIgnored()))];
    }

    internal long ClassOf(long category) => Options.ClassAgnostic ? -1 : category;

    internal static bool Counted(MatchOutcome outcome) => outcome is MatchOutcome.Hit or MatchOutcome.Missed;

    internal static ILookup<long, int> PlacesByImage(int count, Func<int, long> image, Func<int, bool> keep)
        => Enumerable.Range(0, count).Where(keep).ToLookup(image);

    private double ImageAp(IEnumerable<int> objects, IEnumerable<int> detections)
    {
        double sum = 0;
        var classes = 0;
        var found = detections.ToLookup(d => ClassOf(Results.Items[d].CategoryId));
        foreach (var group in objects.GroupBy(o => ClassOf(Dataset.Objects[o].CategoryId)))
        {
            int[] order = [.. found[group.Key].OrderBy(d => ScoreOrder.Key(Results.Items[d].Score))];
            var weights = Array.ConvertAll(order, d => Ledger.Detections[d] == MatchOutcome.Hit ? 1.0 : 0);
            sum += _backend.Ap(new RankedCurve(Array.ConvertAll(order, d => Results.Items[d].Score), weights, group.Count()));
            classes++;
        }
        return classes == 0 ? double.NaN : sum / classes;
    }

    private List<MatchedPair> Pairs(DatasetImage image, int[] objects, int[] detections, GroupMatcher measure)
    {
        var pairs = new List<MatchedPair>();
        ScoreOrder.SortGroup(detections, Results.Items);
        var free = new HashSet<int>(objects);
        foreach (var d in detections)
        {
            if (Ledger.Detections[d] == MatchOutcome.Hit) free.Remove(Ledger.ObjectOf[d]);
        }
        int[] left = [.. objects.Where(free.Contains)];
        int[] wrong = [.. detections.Where(d => Ledger.Detections[d] == MatchOutcome.False)];
        var group = new MatchGroup
        {
            ImageId = image.Id,
            Image = image,
            AllObjects = Dataset.Objects,
            AllDetections = Results.Items,
            Objects = left,
            Detections = wrong
        };
        var overlaps = left.Length == 0 || wrong.Length == 0 ? [] : measure.Overlaps(group);
        var row = 0;
        foreach (var d in detections)
        {
            if (Ledger.Detections[d] == MatchOutcome.Hit)
            {
                pairs.Add(new MatchedPair(Dataset.Objects[Ledger.ObjectOf[d]], Results.Items[d], Ledger.Iou[d], true));
                continue;
            }
            var best = -1;
            var highest = IouThreshold;
            for (var g = 0; g < left.Length && !Options.ClassAgnostic; g++)
            {
                var iou = overlaps[(row * left.Length) + g];
                if (!free.Contains(left[g]) || Dataset.Objects[left[g]].CategoryId == Results.Items[d].CategoryId) continue;
                if (iou > highest || (best < 0 && iou >= highest)) (best, highest) = (g, iou);
            }
            row++;
            if (best >= 0) free.Remove(left[best]);
            pairs.Add(best < 0
                ? new MatchedPair(null, Results.Items[d], double.NaN, false)
                : new MatchedPair(Dataset.Objects[left[best]], Results.Items[d], highest, false));
        }
        foreach (var g in left)
        {
            if (free.Contains(g)) pairs.Add(new MatchedPair(Dataset.Objects[g], null, double.NaN, false));
        }
        return pairs;
    }
}
