namespace Cresset.Detection;

/// <summary>Members of the COCO family.</summary>
internal enum CocoVariant
{
    Coco,
    Lvis,
    TorchMetrics,
}

/// <summary>
/// LVIS: of every image the best detections over all categories stay, then those of categories that were verified in the image, as present
/// or as absent (Gupta et al. 2019, arXiv:1908.03195).
/// </summary>
internal static class FederatedFilter
{
    public static bool[] Keep(ReadOnlySpan<GroundTruthObject> objects, ReadOnlySpan<DetectedObject> detections, Func<long,
        DatasetImage?> imageOf, int maxDetections, IReadOnlySet<long> categories)
    {
        var keep = new bool[detections.Length];
        var perImage = new Dictionary<long, List<int>>();
        for (var i = 0; i < detections.Length; i++)
        {
            if (!perImage.TryGetValue(detections[i].ImageId, out var list)) perImage[detections[i].ImageId] = list = [];
            list.Add(i);
        }
        var present = new HashSet<(long Image, long Category)>();
        foreach (var o in objects)
        {
            if (categories.Contains(o.CategoryId)) present.Add((o.ImageId, o.CategoryId));
        }
        foreach (var (image, list) in perImage)
        {
            var indexes = list.ToArray();
            if (indexes.Length > maxDetections)
            {
                ScoreOrder.SortGroup(indexes, detections);
                indexes = indexes[..maxDetections];
            }
            var absent = imageOf(image)?.NegativeCategoryIds;
            foreach (var i in indexes)
            {
                var category = detections[i].CategoryId;
                keep[i] = present.Contains((image, category)) || (absent is not null && absent.Contains(category));
            }
        }
        return keep;
    }
}
