namespace Cresset.Detection;

/// <summary>Splits the records of one image by category.</summary>
internal static class ImageGroups
{
    /// <summary>
    /// The records of an image with its id, whatever id they have; a category that is not among those of the evaluator is a mistake unless
    /// a file says so.
    /// </summary>
    public static (GroundTruthObject[] Objects, DetectedObject[] Detections) Own(DatasetImage image,
        IReadOnlyList<GroundTruthObject> objects, IReadOnlyList<DetectedObject> detections, IReadOnlySet<long> categories)
    {
        var o = objects as GroundTruthObject[] ?? [.. objects];
        var d = detections as DetectedObject[] ?? [.. detections];
        for (var i = 0; i < o.Length; i++)
        {
            if (!o[i].FromFile && !categories.Contains(o[i].CategoryId))
            {
                throw Unknown("objects", i, o[i].CategoryId, categories, nameof(objects));
            }
        }
        for (var i = 0; i < d.Length; i++)
        {
            if (d[i].Shape is not { FromFile: true } && !categories.Contains(d[i].CategoryId))
            {
                throw Unknown("detections", i, d[i].CategoryId, categories, nameof(detections));
            }
        }
        if (o.Any(x => x.ImageId != image.Id)) o = Array.ConvertAll(o, x => x with { ImageId = image.Id });
        if (d.Any(x => x.ImageId != image.Id)) d = Array.ConvertAll(d, x => x with { ImageId = image.Id });
        return (o, d);
    }

    private static ArgumentException Unknown(string list, int i, long category, IReadOnlySet<long> known, string parameter)
        => new($"{list}[{i}] has the category {category}; the evaluator has "
            + $"{string.Join(", ", known.Order().Take(8))}{(known.Count > 8 ? ", ..." : "")}.", parameter);

    public static IEnumerable<(long Category, int[] Objects, int[] Detections)> Split(GroundTruthObject[] objects,
        DetectedObject[] detections, IReadOnlySet<long> categories, bool classAgnostic)
    {
        var objectsOf = Enumerable.Range(0, objects.Length).Where(i => categories.Contains(objects[i].CategoryId)).ToLookup(i
            => objects[i].CategoryId);
        var detectionsOf = Enumerable.Range(0, detections.Length).Where(i => categories.Contains(detections[i].CategoryId)).ToLookup(i
            => detections[i].CategoryId);
        var present = objectsOf.Select(g => g.Key).Union(detectionsOf.Select(g => g.Key)).Order().ToArray();
        if (!classAgnostic) return present.Select(c => (c, objectsOf[c].ToArray(), detectionsOf[c].ToArray()));
        return present.Length == 0 ? []
            : [(-1L, [.. present.SelectMany(c => objectsOf[c])], [.. present.SelectMany(c => detectionsOf[c])])];
    }
}
