namespace Cresset.Detection;

/// <summary>Marks of an annotated object.</summary>
[Flags]
public enum ObjectMarks
{
    /// <summary>An ordinary object.</summary>
    None = 0,

    /// <summary>A crowd region (COCO <c>iscrowd</c>).</summary>
    Crowd = 1,

    /// <summary>To be ignored (the file's own <c>ignore</c> field).</summary>
    Ignore = 2,

    /// <summary>Difficult (VOC): neither a hit nor a miss.</summary>
    Difficult = 4,

    /// <summary>A group of instances under one box (Open Images).</summary>
    GroupOf = 8,
}

/// <summary>One annotated object of an image.</summary>
/// <remarks>
/// In an object made in memory only <see cref="CategoryId"/> and <see cref="Box"/> (or a shape) are needed: a box that is not set is that
/// of the shape, an area that is not set is that of the mask or the box, and labelled keypoints are counted.
/// </remarks>
public readonly record struct GroundTruthObject
{
    private readonly Box _box;
    private readonly double _area;
    private readonly int _keypointCount;

    /// <summary>Identity in the file; of no importance in an object made in memory.</summary>
    public long Id { get; init; }

    /// <summary>Image it lies in.</summary>
    public long ImageId { get; init; }

    /// <summary>Its category.</summary>
    public long CategoryId { get; init; }

    /// <summary>Its box.</summary>
    public Box Box
    {
        get => FromFile || !_box.IsUnset ? _box : ShapeBounds.Of(Segmentation, Keypoints, labelledOnly: true);
        init => _box = value;
    }

    /// <summary>Area in square pixels that decides the size range; in COCO the mask's area.</summary>
    public double Area
    {
        get => FromFile || _area != 0 ? _area : Segmentation is RunLengthSegmentation { Mask: var mask } ? mask.Area : Box.Area;
        init => _area = value;
    }

    /// <summary>Crowd, ignore, difficult, group-of.</summary>
    public ObjectMarks Marks { get; init; }

    /// <summary>Mask or polygons; null when the file has none or they were not asked for.</summary>
    public Segmentation? Segmentation { get; init; }

    /// <summary>Keypoints <c>x, y, v</c> a point (v: 0 not labelled, 1 hidden, 2 visible); null when there are none.</summary>
    public double[]? Keypoints { get; init; }

    /// <summary>Number of labelled keypoints as the file states it.</summary>
    public int KeypointCount
    {
        get => FromFile || _keypointCount != 0 || Keypoints is null ? _keypointCount : CountLabelled(Keypoints);
        init => _keypointCount = value;
    }

    /// <summary>Whether it is a crowd region.</summary>
    public bool IsCrowd => (Marks & ObjectMarks.Crowd) != 0;

    /// <summary>Whether the file's own ignore field is set.</summary>
    public bool IsIgnored => (Marks & ObjectMarks.Ignore) != 0;

    /// <summary>Whether it is a difficult object (VOC).</summary>
    public bool IsDifficult => (Marks & ObjectMarks.Difficult) != 0;

    /// <summary>Whether it stands for a group of instances (Open Images).</summary>
    public bool IsGroupOf => (Marks & ObjectMarks.GroupOf) != 0;

    /// <summary>Whether a COCO file states its fields: then its id, area and count are taken as they are, accidents included.</summary>
    internal bool FromFile { get; init; }

    /// <summary>Whether a lenient reader kept it although its shape is broken: it counts and cannot be hit.</summary>
    internal bool CannotBeHit { get; init; }

    internal static int CountLabelled(double[] keypoints)
    {
        var count = 0;
        for (var i = 2; i < keypoints.Length; i += 3)
        {
            if (keypoints[i] > 0) count++;
        }
        return count;
    }
}
