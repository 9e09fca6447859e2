namespace Cresset.Detection;

/// <summary>Finds files that cannot meet at all: their score of 0 would look like a measurement.</summary>
public static class MeetingCheck
{
    /// <summary>Why nothing would be measured, or null.</summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections; none at all is for the caller to judge.</param>
    /// <param name="classAgnostic">Whether any class meets any other.</param>
    /// <param name="boxes">Whether boxes are compared: then their layout is looked at too.</param>
    /// <param name="masks">Whether masks are compared: then the layout of their bounds is looked at.</param>
    public static string? Find(DetectionDataset dataset, DetectionResults results, bool classAgnostic = false, bool boxes = true,
        bool masks = false)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var objects = new HashSet<(long Image, long Category)>();
        foreach (ref readonly var o in dataset.Objects)
        {
            // An object of a class that the file does not list is not scored.
            if (dataset.FindCategory(o.CategoryId) is not null) objects.Add((o.ImageId, classAgnostic ? -1 : o.CategoryId));
        }
        int broken = 0, total = results.Items.Length;
        foreach (ref readonly var d in results.Items)
        {
            if (d.Shape is { CannotHit: true } || d.Score == DetectedObject.FirstRank) broken++;
            else if (objects.Contains((d.ImageId, classAgnostic ? -1 : d.CategoryId))) return boxes || masks
                ? BoxLayoutCheck.Find(dataset, results, masks) : null;
        }
        if (total == 0) return null;
        return broken == total
            ? $"none of {total} detections could be read as a whole; nothing was measured"
            : $"none of {total} detections lies in an image that has an object of its class; nothing was measured. Compare the image and "
                + $"category ids of both files";
    }
}
