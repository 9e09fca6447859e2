using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>COCO JSON: one object with images, annotations and categories (.json, .json.gz); results as a list.</summary>
[Part("coco", "Lin et al. 2014, arXiv:1405.0312")]
public sealed record CocoFiles : DetectionFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.All;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => File.Exists(path)
            && (FilePeek.HasExtension(path, ".json.gz", ".gz") || (FilePeek.HasExtension(path, ".json")
            && !LabelStudioFile.Looks(path) && !FiftyOneFile.Looks(path)));

    /// <inheritdoc/>
    public override DetectionDataset ReadGroundTruth(string path, FormatContext context)
        => CocoFormat.ReadGroundTruth(path, context?.Read, context?.Cancellation ?? default);

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
        => CocoFormat.ReadResults(path, dataset, context?.Read, context?.Cancellation ?? default);

    /// <inheritdoc/>
    public override void WriteGroundTruth(DetectionDataset dataset, string path) => CocoFormat.WriteGroundTruth(dataset, path);

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
        => CocoFormat.WriteResults(results, path, dataset);
}

/// <summary>Pascal VOC: one XML file per image; results as one text file per class. A VOCdevkit year with ImageSets is read too.</summary>
[Part("voc", "Everingham et al. 2010")]
public sealed record VocFolder : DetectionFormat
{
    /// <summary>Name of a list in ImageSets/Main, such as test; empty reads all annotations.</summary>
    public string ImageSet { get; init; } = "";

    /// <inheritdoc/>
    public override FormatFeatures Keeps
        => FormatFeatures.Marks | FormatFeatures.Difficult | FormatFeatures.Areas | FormatFeatures.EmptyImages | FormatFeatures.Sizes;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => Directory.Exists(path)
            && (FilePeek.Files(path, ".xml").Length > 0 || ClassFiles.AreVoc(path));

    /// <inheritdoc/>
    public override DetectionDataset ReadGroundTruth(string path, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var annotations = Path.Combine(path, "Annotations");
        var dataset = VocFormat.ReadGroundTruth(Directory.Exists(annotations) ? annotations : path, context.Classes, context.Read,
            context.Cancellation);
        return ImageSet.Length == 0 ? dataset : Listed(dataset, path);
    }

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
        => VocFormat.ReadResults(path, dataset, context?.Read, context?.Cancellation ?? default);

    /// <inheritdoc/>
    public override void WriteGroundTruth(DetectionDataset dataset, string path) => VocFormat.WriteGroundTruth(dataset, path);

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
        => VocFormat.WriteResults(results, dataset, path);

    private DetectionDataset Listed(DetectionDataset dataset, string path)
    {
        var sets = Path.Combine(path, "ImageSets", "Main");
        var file = Path.Combine(sets, SafeNames.Segment(ImageSet) + ".txt");
        if (!File.Exists(file))
        {
            string[] files = Directory.Exists(sets) ? Directory.GetFiles(sets, "*.txt") : [];
            var known = files.Select(f => Path.GetFileNameWithoutExtension(f)).Where(n => !n.Contains('_', StringComparison.Ordinal))
                .Order(StringComparer.Ordinal);
            throw new ArgumentException($"ImageSet is \"{ImageSet}\", and there is no {file}; the folder has {string.Join(", ", known)}.");
        }
        var names = TextLines.Read(file).Select(l => l.Fields[0]).ToArray();
        return DatasetSubset.OfImages(dataset, new DetectionResults([]), names).Dataset;
    }
}

/// <summary>YOLO labels: one text file per image beside a data.yaml, or a folder of labels with pictures and class names given.</summary>
[Part("yolo", "ultralytics")]
public sealed record YoloFolder : DetectionFormat
{
    /// <summary>What is written: boxes, segments, pose or obb. Reading finds out.</summary>
    public YoloLabels Labels { get; init; }

    /// <summary>The part of a data.yaml that is read.</summary>
    public string Split { get; init; } = "val";

    /// <summary>The class names of a data.yaml.</summary>
    public static IReadOnlyList<string> NamesOf(string dataYaml) => YoloData.Read(dataYaml).Names;

    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.EmptyImages | Labels switch
    {
        YoloLabels.Segments or YoloLabels.OrientedBoxes => FormatFeatures.Polygons,
        YoloLabels.Pose => FormatFeatures.Keypoints,
        _ => FormatFeatures.None,
    };

    /// <inheritdoc/>
    public override bool Recognizes(string path)
    {
        if (File.Exists(path)) return FilePeek.HasExtension(path, ".yaml", ".yml");
        if (YoloData.FindIn(path) is not null) return true;
        if (ClassFiles.Any(path)) return false;
        // A model that found nothing leaves empty files.
        return FilePeek.FirstFields(path) is { } f ? f.Length >= 5 && Array.TrueForAll(f, FilePeek.IsNumber)
            : Directory.Exists(path) && FilePeek.Files(path, ".txt").Any(t => !YoloReader.IsOther(t));
    }

    /// <inheritdoc/>
    public override DetectionDataset ReadGroundTruth(string path, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if ((File.Exists(path) ? path : YoloData.FindIn(path)) is { } yaml && context.ImageFolder is null) return YoloData.Read(yaml)
            .ReadGroundTruth(Split, context);
        var beside = Path.Combine(path, "classes.txt");
        var classes = context.Classes ?? (File.Exists(beside) ? ClassNames.Read(beside)
            : throw new ArgumentException(
            $"'{path}' holds YOLO labels: name the classes with --classes FILE (one per line, or a data.yaml)."));
        if (context.ImageFolder is null) throw new ArgumentException(
            $"'{path}' holds YOLO labels, which need the sizes of the images: give --images FOLDER.");
        return YoloFormat.ReadGroundTruth(path, classes, YoloFormat.ReadImages(context.ImageFolder), context.Read, KeypointsOf(path));
    }

    /// <summary>
    /// The shape of keypoints: that of a data.yaml in the folder, else what the first line says where it can say only one thing. An outline
    /// has a class and pairs; an even number of fields is a box and an odd number of points, each with whether it is labelled (0, 1, 2).
    /// </summary>
    private static (int Points, int Values)? KeypointsOf(string folder)
    {
        if (YoloData.FindIn(folder) is { } yaml) return YoloData.Read(yaml).Keypoints;
        if (FilePeek.FirstFields(folder) is not { Length: > 5 } fields) return null;
        if (fields.Length % 2 == 1 || (fields.Length - 5) % 3 != 0) return null;
        for (var i = 7; i < fields.Length; i += 3)
        {
            if (!double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out var flag)) return null;
            if (flag is not (0 or 1 or 2)) return null;
        }
        return ((fields.Length - 5) / 3, 3);
    }

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var points = dataset.Objects.ToArray().Select(o => o.Keypoints).FirstOrDefault(k => k is not null);
        return YoloFormat.ReadResults(path, dataset, context?.Read, points is null ? null : (points.Length / 3, 3));
    }

    /// <inheritdoc/>
    public override void WriteGroundTruth(DetectionDataset dataset, string path) => YoloFormat.WriteGroundTruth(dataset, path, Labels);

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
        => YoloFormat.WriteResults(results, dataset, path, Labels);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Defined(Labels).NotEmpty(Split);
}

/// <summary>One table with a header: image, class, corners, and score for detections.</summary>
[Part("csv")]
public sealed record CsvFile : DetectionFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps
        => FormatFeatures.Marks | FormatFeatures.Difficult | FormatFeatures.Areas | FormatFeatures.EmptyImages | FormatFeatures.Sizes;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => File.Exists(path) && FilePeek.HasExtension(path, ".csv", ".tsv") && !OpenImagesCsv.Looks(path);

    /// <inheritdoc/>
    public override DetectionDataset ReadGroundTruth(string path, FormatContext context)
        => CsvFormat.ReadGroundTruth(path, context?.Classes, context?.Read);

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
        => CsvFormat.ReadResults(path, dataset, context?.Read);

    /// <inheritdoc/>
    public override void WriteGroundTruth(DetectionDataset dataset, string path) => CsvFormat.WriteGroundTruth(dataset, path);

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
        => CsvFormat.WriteResults(results, dataset, path);
}
