namespace Cresset.Detection;

/// <summary>One detection of a model.</summary>
public readonly record struct DetectedObject
{
    /// <summary>The score of a detection whose own is broken: as a miss ranked first it can only lower a result.</summary>
    internal const double FirstRank = double.MaxValue;

    private readonly Box _box;

    /// <summary>A detection that has a box and no further shape.</summary>
    public DetectedObject(long imageId, long categoryId, Box box, double score)
    {
        ImageId = imageId;
        CategoryId = categoryId;
        Box = box;
        Score = score;
    }

    /// <summary>Image it was made on.</summary>
    public long ImageId { get; init; }

    /// <summary>Predicted category.</summary>
    public long CategoryId { get; init; }

    /// <summary>Predicted box; where none was set that of the mask or the keypoints.</summary>
    public Box Box
    {
        get => Shape is { FromFile: false } shape && _box.IsUnset ? ShapeBounds.Of(shape.Segmentation, shape.Keypoints) : _box;
        init => _box = value;
    }

    /// <summary>Confidence; larger is surer.</summary>
    public double Score { get; init; }

    /// <summary>Mask and keypoints; null when there are none.</summary>
    public DetectionShape? Shape { get; init; }

    /// <summary>Whether the result came with a box.</summary>
    public bool HasBox => Shape is null || (Shape.HasBox && (Shape.FromFile || !_box.IsUnset));
}

/// <summary>What a detection carries besides its box.</summary>
public sealed class DetectionShape
{
    /// <summary>Mask or polygons.</summary>
    public Segmentation? Segmentation { get; init; }

    /// <summary>Keypoints <c>x, y, v</c> a point.</summary>
    public double[]? Keypoints { get; init; }

    /// <summary>Whether the result came with a box of its own.</summary>
    public bool HasBox { get; init; } = true;

    /// <summary>Whether a file states it: then a box of four zeros is a box.</summary>
    internal bool FromFile { get; init; }

    /// <summary>Whether a lenient reader kept the detection although it is broken: it is a miss.</summary>
    internal bool CannotHit { get; init; }
}
