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
public readonly record struct GroundTruthObject
{
    /// <summary>Identity in the file; 0 when the file has none.</summary>
    public long Id { get; init; }

    /// <summary>Image it lies in.</summary>
    public long ImageId { get; init; }

    /// <summary>Its category.</summary>
    public long CategoryId { get; init; }

    /// <summary>Its box.</summary>
    public Box Box { get; init; }

    /// <summary>Area in square pixels that decides the size range; in COCO the mask's area.</summary>
    public double Area { get; init; }

    /// <summary>Crowd, ignore, difficult, group-of.</summary>
    public ObjectMarks Marks { get; init; }

    /// <summary>Mask or polygons; null when the file has none or they were not asked for.</summary>
    public Segmentation? Segmentation { get; init; }

    /// <summary>Keypoints <c>x, y, v</c> a point (v: 0 not labelled, 1 hidden, 2 visible); null when there are none.</summary>
    public double[]? Keypoints { get; init; }

    /// <summary>Number of labelled keypoints as the file states it.</summary>
    public int KeypointCount { get; init; }

    /// <summary>Whether it is a crowd region.</summary>
    public bool IsCrowd => (Marks & ObjectMarks.Crowd) != 0;

    /// <summary>Whether the file's own ignore field is set.</summary>
    public bool IsIgnored => (Marks & ObjectMarks.Ignore) != 0;

    /// <summary>Whether it is a difficult object (VOC).</summary>
    public bool IsDifficult => (Marks & ObjectMarks.Difficult) != 0;

    /// <summary>Whether it stands for a group of instances (Open Images).</summary>
    public bool IsGroupOf => (Marks & ObjectMarks.GroupOf) != 0;
}
