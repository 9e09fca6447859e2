using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>What is compared.</summary>
public enum IouKind
{
    /// <summary>Boxes.</summary>
    Box,

    /// <summary>Masks (<c>segm</c>).</summary>
    Mask,

    /// <summary>Keypoints (object keypoint similarity).</summary>
    Keypoints,

    /// <summary>The smaller of mask IoU and boundary IoU.</summary>
    Boundary,

    /// <summary>Oriented boxes: polygons of four corners.</summary>
    Oriented,
}

/// <summary>What the ranges of <see cref="CocoOptions.AreaRanges"/> measure.</summary>
public enum RangeMeasure
{
    /// <summary>Area in square pixels.</summary>
    Area,

    /// <summary>Width over height of the box.</summary>
    AspectRatio,
}

/// <summary>A range of object areas, both ends belong to it.</summary>
/// <param name="Name">Its name, such as small.</param>
/// <param name="Min">Least area in square pixels.</param>
/// <param name="Max">Largest area in square pixels.</param>
public readonly record struct AreaRange(string Name, double Min, double Max);

/// <summary>Parameters of the COCO evaluation; the defaults are those of pycocotools for boxes.</summary>
public sealed record CocoOptions : IOptionsRecord
{
    /// <summary>The default standard deviations of the 17 COCO keypoints.</summary>
    public static IReadOnlyList<double> PersonSigmas { get; } =
        Array.ConvertAll([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89], s => s / 10.0);

    /// <summary>Boxes, as pycocotools.</summary>
    public static CocoOptions Boxes { get; } = new();

    /// <summary>Masks, as pycocotools.</summary>
    public static CocoOptions Masks { get; } = new() { Kind = IouKind.Mask };

    /// <summary>Boundary IoU with the usual ratio 0.02.</summary>
    public static CocoOptions Boundaries { get; } = new() { Kind = IouKind.Boundary };

    /// <summary>Boxes by aspect ratio: tall (at most 3/4), square (to 4/3), wide.</summary>
    public static CocoOptions AspectSlices { get; } = new()
    {
        Measure = RangeMeasure.AspectRatio,
        AreaRanges = [new("all", 0, double.PositiveInfinity), new("tall", 0, 0.75), new("square", 0.75, 4 / 3.0),
            new("wide", 4 / 3.0, double.PositiveInfinity)],
    };

    /// <summary>Keypoints, as pycocotools: 20 detections, no small objects.</summary>
    public static CocoOptions Keypoints { get; } = new()
    {
        Kind = IouKind.Keypoints,
        MaxDetections = [20],
        AreaRanges = [new("all", 0, 1e10), new("medium", 1024, 9216), new("large", 9216, 1e10)],
    };

    /// <summary>What is compared.</summary>
    public IouKind Kind { get; init; } = IouKind.Box;

    /// <summary>IoU thresholds; at most 64.</summary>
    public IReadOnlyList<double> IouThresholds { get; init; } = Grid.Linspace(.5, .95, 10);

    /// <summary>Recall values at which precision is read.</summary>
    public IReadOnlyList<double> RecallThresholds { get; init; } = Grid.Linspace(0, 1, 101);

    /// <summary>Numbers of detections an image and category may have; sorted before use.</summary>
    public IReadOnlyList<int> MaxDetections { get; init; } = [1, 10, 100];

    /// <summary>Area ranges.</summary>
    public IReadOnlyList<AreaRange> AreaRanges { get; init; } =
        [new("all", 0, 1e10), new("small", 0, 1024), new("medium", 1024, 9216), new("large", 9216, 1e10)];

    /// <summary>What the ranges measure: the area as in COCO, or the aspect ratio for slices of a report.</summary>
    public RangeMeasure Measure { get; init; }

    /// <summary>Treat all categories as one (<c>useCats = 0</c>).</summary>
    public bool ClassAgnostic { get; init; }

    /// <summary>
    /// Without the accidents of pycocotools: object id 0 can be hit, the file's ignore field counts, recall values are exactly i/100 and
    /// IoU thresholds exactly those written, copies of an id are objects of their own, a perfect hit has precision 1, and AP is reported
    /// for the largest number of detections asked for.
    /// </summary>
    public bool Corrected { get; init; }

    /// <summary>Only these images; all when null.</summary>
    public IReadOnlyList<long>? ImageIds { get; init; }

    /// <summary>Only these categories; all when null.</summary>
    public IReadOnlyList<long>? CategoryIds { get; init; }

    /// <summary>Standard deviations of the keypoints.</summary>
    public IReadOnlyList<double> KeypointSigmas { get; init; } = PersonSigmas;

    /// <summary>Share of the image's diagonal that is the width of the band for <see cref="IouKind.Boundary"/>.</summary>
    public double BoundaryRatio { get; init; } = 0.02;

    /// <summary>Threads; 0 takes all cores. Results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>The same options without the known accidents, on exact grids.</summary>
    public CocoOptions AsCorrected() => this with
    {
        Corrected = true,
        IouThresholds = Grid.Snap(IouThresholds, 0.05),
        RecallThresholds = Grid.Snap(RecallThresholds, 0.01),
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Kind)
        .Must(IouThresholds.Count is > 0 and <= 64, IouThresholds.Count, "1 to 64 thresholds", field: nameof(IouThresholds))
        .Must(IouThresholds.All(t => t is >= 0 and <= 1), string.Join(", ", IouThresholds), "values in [0, 1]",
            field: nameof(IouThresholds))
        .Must(RecallThresholds.Count > 0 && RecallThresholds.All(r => r is >= 0 and <= 1), string.Join(", ", RecallThresholds),
            "one or more values in [0, 1]", field: nameof(RecallThresholds))
        .Must(MaxDetections.Count > 0 && MaxDetections.All(m => m >= 1), string.Join(", ", MaxDetections), "one or more numbers from 1 on",
            field: nameof(MaxDetections))
        .Must(AreaRanges.Count > 0, AreaRanges.Count, "one or more ranges", field: nameof(AreaRanges))
        .Must(KeypointSigmas.All(s => s > 0), string.Join(", ", KeypointSigmas), "positive values", field: nameof(KeypointSigmas))
        .Within(BoundaryRatio, 0, 1)
        .AtLeast(Threads, 0);

    internal int ThreadCount => Threads == 0 ? Environment.ProcessorCount : Threads;
}

/// <summary>Grids of thresholds, with the bits that numpy gives.</summary>
public static class Grid
{
    /// <summary>
    /// Equally spaced values from <paramref name="start"/> to <paramref name="stop"/>, computed as numpy.linspace does:
    /// <c>start + i * step</c>, the last set to the end.
    /// </summary>
    public static double[] Linspace(double start, double stop, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        var values = new double[count];
        var step = (stop - start) / (count - 1);
        for (var i = 0; i < count; i++) values[i] = (i * step) + start;
        values[^1] = stop;
        return values;
    }

    /// <summary>Each value that lies within 1e-9 of a multiple of the unit becomes the double nearest to that multiple.</summary>
    internal static double[] Snap(IReadOnlyList<double> values, double unit)
    {
        var perOne = Math.Round(1 / unit);
        return [.. values.Select(v => Math.Abs((v * perOne) - Math.Round(v * perOne)) < 1e-9 ? Math.Round(v * perOne) / perOne : v)];
    }
}
