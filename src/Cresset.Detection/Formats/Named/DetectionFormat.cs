using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>What a reader may need besides the path.</summary>
public sealed record FormatContext
{
    /// <summary>Strict or lenient, and which parts to keep.</summary>
    public ReadOptions Read { get; init; } = new();

    /// <summary>Class names in order; null where the files name them or they are collected.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Folder of the pictures, for formats that hold no sizes.</summary>
    public string? ImageFolder { get; init; }

    /// <summary>Stops the work.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The data set that detections belong to, whose sizes relative coordinates are taken by; null for ground truth.</summary>
    internal DatasetImages? Known { get; init; }
}

/// <summary>The images of a data set by name.</summary>
internal sealed class DatasetImages(DetectionDataset dataset, DatasetNames names)
{
    public DatasetImage? Find(string name) => names.Image(name) is { } id ? dataset.FindImage(id) : null;
}

/// <summary>What a format can hold beyond boxes, classes and names of images.</summary>
[Flags]
public enum FormatFeatures
{
    /// <summary>Boxes alone.</summary>
    None = 0,

    /// <summary>Shapes as polygons.</summary>
    Polygons = 1,

    /// <summary>Masks as runs.</summary>
    Masks = 2,

    /// <summary>Keypoints.</summary>
    Keypoints = 4,

    /// <summary>Crowd, ignore and group-of marks.</summary>
    Marks = 8,

    /// <summary>The difficult mark.</summary>
    Difficult = 16,

    /// <summary>Areas that are not those of the box.</summary>
    Areas = 32,

    /// <summary>Images without objects.</summary>
    EmptyImages = 64,

    /// <summary>Sizes of images.</summary>
    Sizes = 128,

    /// <summary>Everything.</summary>
    All = 255,
}

/// <summary>A layout of files with annotations or detections, by name: read, written, and recognised by what lies at a path.</summary>
[PartKind("detection-format")]
public abstract record DetectionFormat : IOptionsRecord
{
    /// <summary>What survives writing.</summary>
    public abstract FormatFeatures Keeps { get; }

    /// <summary>Whether what lies at the path looks like this format.</summary>
    public abstract bool Recognizes(string path);

    /// <summary>Reads ground truth.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public abstract DetectionDataset ReadGroundTruth(string path, FormatContext context);

    /// <summary>Reads detections for the images and classes of a data set.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public abstract DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context);

    /// <summary>Writes ground truth to a file or folder.</summary>
    /// <exception cref="ArgumentException">The format cannot keep images or classes apart, or needs what is missing.</exception>
    public abstract void WriteGroundTruth(DetectionDataset dataset, string path);

    /// <summary>Writes detections.</summary>
    /// <exception cref="ArgumentException">The format cannot keep images or classes apart, or needs what is missing.</exception>
    public abstract void WriteResults(DetectionResults results, DetectionDataset dataset, string path);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>What of a data set gets lost in this format, counted, in words; empty when nothing does.</summary>
    public IReadOnlyList<string> LossesOf(DetectionDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        int polygons = 0, masks = 0, points = 0, marks = 0, difficult = 0, areas = 0;
        foreach (ref readonly var o in dataset.Objects)
        {
            if (o.Segmentation is PolygonSegmentation) polygons++;
            else if (o.Segmentation is not null) masks++;
            if (o.Keypoints is not null) points++;
            if ((o.Marks & (ObjectMarks.Crowd | ObjectMarks.Ignore | ObjectMarks.GroupOf)) != 0) marks++;
            if (o.IsDifficult) difficult++;
            if (o.Segmentation is null && Math.Abs(o.Area - o.Box.Area) > 1e-6 * Math.Abs(o.Box.Area)) areas++;
        }
        var found = dataset.Objects.ToArray().Select(o => o.ImageId).ToHashSet();
        var empty = dataset.Images.Count(i => !found.Contains(i.Id));
        var sized = dataset.Images.Count(i => i is { Width: > 0, Height: > 0 });
        return Losses(
            (FormatFeatures.Polygons, polygons, "polygons"),
            (FormatFeatures.Masks, masks, "masks"),
            (FormatFeatures.Keypoints, points, "sets of keypoints"),
            (FormatFeatures.Marks, marks, "crowd, ignore or group-of marks"),
            (FormatFeatures.Difficult, difficult, "difficult marks"),
            (FormatFeatures.Areas, areas, "areas that are not those of the box"),
            (FormatFeatures.EmptyImages, empty, "images without objects"),
            (FormatFeatures.Sizes, sized, "sizes of images"));
    }

    /// <summary>What of detections gets lost.</summary>
    public IReadOnlyList<string> LossesOf(DetectionResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        int polygons = 0, masks = 0, points = 0;
        foreach (ref readonly var d in results.Items)
        {
            if (d.Shape?.Segmentation is PolygonSegmentation) polygons++;
            else if (d.Shape?.Segmentation is not null) masks++;
            if (d.Shape?.Keypoints is not null) points++;
        }
        return Losses((FormatFeatures.Polygons, polygons, "polygons"), (FormatFeatures.Masks, masks, "masks"),
            (FormatFeatures.Keypoints, points, "sets of keypoints"));
    }

    private List<string> Losses(params (FormatFeatures Feature, int Count, string Words)[] all)
        => [.. all.Where(a => a.Count > 0 && (Keeps & a.Feature) == 0)
            .Select(a => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{a.Count} {a.Words}"))];
}

/// <summary>The formats that Cresset brings, by name and by what lies at a path.</summary>
public static class DetectionFormats
{
    /// <summary>Names the kind of part.</summary>
    public const string Kind = "detection-format";

    /// <summary>The parts of this assembly.</summary>
    public static PartCatalog Catalog { get; } = new(typeof(DetectionFormat).Assembly);

    private static readonly Lazy<DetectionFormat[]> Own = new(() => [.. Catalog.Of(Kind).Select(e => Make(e))]);

    /// <summary>All names, sorted.</summary>
    public static IReadOnlyList<string> Names => [.. Catalog.Of(Kind).Select(e => e.Name)];

    /// <summary>A format with its defaults, by name.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest.</exception>
    public static DetectionFormat Get(string name) => Make(Catalog.Get(Kind, name));

    private static DetectionFormat Make(PartEntry entry)
        => (DetectionFormat)(
        Activator.CreateInstance(entry.Type) ?? throw new InvalidOperationException(
        $"{entry.Type} has no constructor without arguments."));

    /// <summary>The name of a format.</summary>
    public static string NameOf(DetectionFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        return PartCatalog.NameOf(format.GetType()) ?? format.GetType().Name;
    }

    /// <summary>The format of what lies at a path.</summary>
    /// <exception cref="InvalidDataException">None or several fit.</exception>
    public static DetectionFormat Recognize(string path)
    {
        if (!File.Exists(path) && !Directory.Exists(path)) throw new FileNotFoundException($"'{path}' does not exist.", path);
        var fitting = Own.Value.Where(f => f.Recognizes(path)).ToArray();
        if (fitting.Length == 1) return fitting[0];
        var found = fitting.Length == 0 ? "is none of the known formats" : $"may be {string.Join(" or ", fitting.Select(NameOf))}";
        throw new InvalidDataException($"'{path}' {found}; name its format ({string.Join(", ", Names)}).");
    }
}
