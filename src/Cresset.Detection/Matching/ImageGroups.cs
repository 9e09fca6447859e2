namespace Cresset.Detection;

/// <summary>Splits the records of one image by category.</summary>
internal static class ImageGroups
{
    public static IEnumerable<(long Category, int[] Objects, int[] Detections)> Split(GroundTruthObject[] objects, DetectedObject[] detections, IReadOnlySet<long> categories, bool classAgnostic)
    {
        var objectsOf = Enumerable.Range(0, objects.Length).Where(i => categories.Contains(objects[i].CategoryId)).ToLookup(i => objects[i].CategoryId);
        var detectionsOf = Enumerable.Range(0, detections.Length).Where(i => categories.Contains(detections[i].CategoryId)).ToLookup(i => detections[i].CategoryId);
        var present = objectsOf.Select(g => g.Key).Union(detectionsOf.Select(g => g.Key)).Order().ToArray();
        if (!classAgnostic) return present.Select(c => (c, objectsOf[c].ToArray(), detectionsOf[c].ToArray()));
        return present.Length == 0 ? [] : [(-1L, [.. present.SelectMany(c => objectsOf[c])], [.. present.SelectMany(c => detectionsOf[c])])];
    }
}
