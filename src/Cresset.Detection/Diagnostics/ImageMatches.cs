namespace Cresset.Detection;

/// <summary>An object and a detection that belong together; one side is null for a missed object or a false detection.</summary>
/// <param name="Object">The object.</param>
/// <param name="Detection">The detection.</param>
/// <param name="Iou">Their overlap; NaN where one side is missing.</param>
/// <param name="IsHit">Whether the detection is right; a pair of two classes is not.</param>
public readonly record struct MatchedPair(GroundTruthObject? Object, DetectedObject? Detection, double Iou, bool IsHit)
{
    /// <summary>The two sides.</summary>
    public void Deconstruct(out GroundTruthObject? truth, out DetectedObject? detection) => (truth, detection) = (Object, Detection);
}

/// <summary>Hits, false detections and missed objects of one image at one IoU threshold, for pictures and tables.</summary>
public sealed class ImageMatches
{
    internal ImageMatches(DatasetImage image, IReadOnlyList<MatchedPair> pairs)
    {
        Image = image;
        Pairs = pairs;
    }

    /// <summary>The image.</summary>
    public DatasetImage Image { get; }

    /// <summary>Pairs of object and detection.</summary>
    public IReadOnlyList<MatchedPair> Pairs { get; }

    /// <summary>Right detections.</summary>
    public int Hits => Pairs.Count(p => p.IsHit);

    /// <summary>Everything else.</summary>
    public int Errors => Pairs.Count - Hits;

    /// <summary>
    /// Matches the boxes of every image blind to the rules of protocols: detections by falling score, each takes the free object of highest
    /// IoU, crowds left out. <see cref="DetectionMatching.ImagesAt"/> gives the matches of a protocol.
    /// </summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="iouThreshold">Least IoU of a match.</param>
    /// <param name="minScore">Detections below are left out.</param>
    /// <param name="acrossClasses">Whether an object may be matched by a detection of another class.</param>
    public static IEnumerable<ImageMatches> Of(DetectionDataset dataset, DetectionResults results, double iouThreshold = 0.5,
        double minScore = double.NegativeInfinity, bool acrossClasses = false)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var objects = dataset.Objects.ToArray().Where(o => !o.IsCrowd).ToLookup(o => o.ImageId);
        var detections = results.Items.ToArray().Where(d => d.Score >= minScore).ToLookup(d => d.ImageId);
        return dataset.Images.DistinctBy(i => i.Id).OrderBy(i => i.Id).Select(image =>
        {
            DetectedObject[] found = [.. detections[image.Id]];
            return new ImageMatches(image, Match([.. objects[image.Id]], found, iouThreshold, acrossClasses));
        });
    }

    private static List<MatchedPair> Match(GroundTruthObject[] objects, DetectedObject[] detections, double threshold, bool acrossClasses)
    {
        var pairs = new List<MatchedPair>();
        var order = Enumerable.Range(0, detections.Length).ToArray();
        ScoreOrder.SortGroup(order, detections);
        var taken = new bool[objects.Length];
        foreach (var i in order)
        {
            var best = -1;
            var highest = threshold;
            for (var g = 0; g < objects.Length; g++)
            {
                if (taken[g] || (!acrossClasses && objects[g].CategoryId != detections[i].CategoryId)) continue;
                var iou = BoxOverlap.Iou(detections[i].Box, objects[g].Box);
                if (iou > highest || (best < 0 && iou >= highest)) (best, highest) = (g, iou);
            }
            if (best >= 0) taken[best] = true;
            pairs.Add(best < 0 ? new MatchedPair(null, detections[i], double.NaN, false)
                : new MatchedPair(objects[best], detections[i], highest, objects[best].CategoryId == detections[i].CategoryId));
        }
        for (var g = 0; g < objects.Length; g++)
        {
            if (!taken[g]) pairs.Add(new MatchedPair(objects[g], null, double.NaN, false));
        }
        return pairs;
    }
}
