namespace Cresset.Detection;

/// <summary>The points in which the COCO-like protocols (coco, its correction, lvis, torchmetrics) differ.</summary>
internal sealed class CocoRules
{
    public required int MaxDetections { get; init; }

    /// <summary>Crowds can be taken by many detections and divide by the detection's area.</summary>
    public bool CrowdsAreReusable { get; init; } = true;

    public bool IdZeroIsNoMatch { get; init; }

    /// <summary>Which of the flags make an object ignored.</summary>
    public ObjectMarks IgnoringMarks { get; init; } = ObjectMarks.Crowd;

    /// <summary>For keypoints an object without labelled points is ignored.</summary>
    public bool UnlabelledAreIgnored { get; init; }

    /// <summary>Where the area of a detection comes from, decided by the first result of the file.</summary>
    public DetectionAreaSource AreaSource { get; init; }

    /// <summary>LVIS: misses do not count in categories that the image lists as not exhaustive.</summary>
    public bool HonoursNotExhaustive { get; init; }

    public bool Ignores(in GroundTruthObject o) => (o.Marks & IgnoringMarks) != 0 || (UnlabelledAreIgnored && o.KeypointCount == 0);

    public bool MissNeverCounts(in DetectedObject detection, DatasetImage? image)
        => HonoursNotExhaustive && image?.NotExhaustiveCategoryIds is { } open && open.Contains(detection.CategoryId);

    public double DetectionArea(in DetectedObject detection, DatasetImage? image) => AreaSource switch
    {
        DetectionAreaSource.Box => detection.Box.Width * detection.Box.Height,
        DetectionAreaSource.Corners => CornerOverlap.Area(OverlapMatrix.CornersOf(detection)),
        DetectionAreaSource.Mask => MaskOf(detection, image)?.Area ?? 0,
        DetectionAreaSource.PerDetection when detection.HasBox => detection.Box.Width * detection.Box.Height,
        DetectionAreaSource.PerDetection when detection.Shape?.Segmentation is not null => MaskOf(detection, image)!.Area,
        _ => detection.Shape?.Keypoints is { Length: > 0 } points ? Extent(points) : 0,
    };

    /// <summary>The rule of the reference: what the first result has decides for all.</summary>
    public static DetectionAreaSource SourceOf(ReadOnlySpan<DetectedObject> detections)
    {
        if (detections.Length == 0 || detections[0].HasBox) return DetectionAreaSource.Box;
        return detections[0].Shape?.Segmentation is not null ? DetectionAreaSource.Mask : DetectionAreaSource.Keypoints;
    }

    private static RunLengthMask? MaskOf(in DetectedObject detection, DatasetImage? image)
        => detection.Shape?.Segmentation?.ToMask(image?.Height ?? 0, image?.Width ?? 0);

    private static double Extent(double[] points)
    {
        double x0 = points[0], x1 = x0, y0 = points[1], y1 = y0;
        for (var i = 3; i < points.Length; i += 3)
        {
            x0 = Math.Min(x0, points[i]);
            x1 = Math.Max(x1, points[i]);
            y0 = Math.Min(y0, points[i + 1]);
            y1 = Math.Max(y1, points[i + 1]);
        }
        return (x1 - x0) * (y1 - y0);
    }
}

/// <summary>Where the area of a detection comes from.</summary>
internal enum DetectionAreaSource
{
    Box,
    Mask,
    Keypoints,
    PerDetection,
    Corners,
}
