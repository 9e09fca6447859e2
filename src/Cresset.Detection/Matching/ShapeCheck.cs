namespace Cresset.Detection;

/// <summary>
/// Refuses to compare masks or keypoints of objects that have none: a score of 0 would look like a measurement. What a lenient reader
/// marked as not to be hit has been counted before.
/// </summary>
internal static class ShapeCheck
{
    public static void Require(DetectionDataset dataset, CocoOptions options)
    {
        if (options.Kind == IouKind.Box) return;
        var categories = (options.CategoryIds ?? [.. dataset.Categories.Select(c => c.Id)]).ToHashSet();
        var images = options.ImageIds?.ToHashSet();
        Require(dataset.Objects, categories, options.Kind, images);
    }

    public static void Require(ReadOnlySpan<GroundTruthObject> objects, IouKind kind)
    {
        if (kind == IouKind.Box) return;
        var categories = new HashSet<long>();
        foreach (ref readonly var o in objects) categories.Add(o.CategoryId);
        Require(objects, categories, kind);
    }

    public static void Require(ReadOnlySpan<GroundTruthObject> objects, IReadOnlySet<long> categories, IouKind kind,
        IReadOnlySet<long>? images = null)
    {
        if (kind == IouKind.Box) return;
        for (var i = 0; i < objects.Length; i++)
        {
            ref readonly var o = ref objects[i];
            if (o.CannotBeHit || !categories.Contains(o.CategoryId) || (images is not null && !images.Contains(o.ImageId))) continue;
            if (kind == IouKind.Oriented && o.Segmentation is not null)
            {
                OverlapMatrix.CornersOf(o);
                continue;
            }
            if (kind == IouKind.Keypoints ? o.Keypoints is not null : o.Segmentation is not null) continue;
            var what = kind == IouKind.Keypoints ? "keypoints" : kind == IouKind.Oriented
                ? "corners (a segmentation of one polygon of four points)" : "segmentation";
            throw new ArgumentException(
                $"object {o.Id} (objects[{i}]) of image {o.ImageId} has no {what}; "
                    + $"{(kind == IouKind.Keypoints ? "keypoints" : kind == IouKind.Oriented ? "oriented boxes" : "masks")} are to be "
                    + $"compared. Score boxes, or leave its category or image out.");
        }
    }
}
