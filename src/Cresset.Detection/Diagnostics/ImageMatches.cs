namespace Cresset.Detection;

/// <summary>Hits, misses and missed objects of one image at one IoU threshold, for pictures and tables.</summary>
public sealed class ImageMatches
{
    private ImageMatches(DatasetImage image, List<(GroundTruthObject? Object, DetectedObject? Detection)> pairs)
    {
        Image = image;
        Pairs = pairs;
    }

    /// <summary>The image.</summary>
    public DatasetImage Image { get; }

    /// <summary>Pairs of object and detection; one side is null for a missed object or a false detection.</summary>
    public IReadOnlyList<(GroundTruthObject? Object, DetectedObject? Detection)> Pairs { get; }

    /// <summary>Pairs with both sides of one class.</summary>
    public int Hits => Pairs.Count(p => p.Object is { } o && p.Detection is { } d && o.CategoryId == d.CategoryId);

    /// <summary>Everything else.</summary>
    public int Errors => Pairs.Count - Hits;

    /// <summary>Matches every image: detections by falling score, each takes the free object of highest IoU.</summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="iouThreshold">Least IoU of a match.</param>
    /// <param name="minScore">Detections below are left out.</param>
    /// <param name="acrossClasses">Whether an object may be matched by a detection of another class.</param>
    public static IEnumerable<ImageMatches> Of(DetectionDataset dataset, DetectionResults results, double iouThreshold = 0.5, double minScore = double.NegativeInfinity, bool acrossClasses = false)
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

    private static List<(GroundTruthObject? Object, DetectedObject? Detection)> Match(GroundTruthObject[] objects, DetectedObject[] detections, double threshold, bool acrossClasses)
    {
        var pairs = new List<(GroundTruthObject?, DetectedObject?)>();
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
            pairs.Add((best < 0 ? null : objects[best], detections[i]));
        }
        for (var g = 0; g < objects.Length; g++)
        {
            if (!taken[g]) pairs.Add((objects[g], null));
        }
        return pairs;
    }
}
