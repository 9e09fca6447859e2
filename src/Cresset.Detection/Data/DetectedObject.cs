namespace Cresset.Detection;

/// <summary>One detection of a model.</summary>
public readonly record struct DetectedObject
{
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

    /// <summary>Predicted box; meaningless when <see cref="HasBox"/> is false.</summary>
    public Box Box { get; init; }

    /// <summary>Confidence; larger is surer.</summary>
    public double Score { get; init; }

    /// <summary>Mask and keypoints; null when there are none.</summary>
    public DetectionShape? Shape { get; init; }

    /// <summary>Whether the result came with a box.</summary>
    public bool HasBox => Shape is null || Shape.HasBox;
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
}
