using System.Globalization;

namespace Cresset.Detection;

/// <summary>An object or detection of a file that names images and classes.</summary>
internal sealed record LabelledShape(string Class, string Record)
{
    public Box Box { get; init; }

    public Segmentation? Segmentation { get; init; }

    public double[]? Keypoints { get; init; }

    public double? Score { get; init; }

    public ObjectMarks Marks { get; init; }

    public double? Area { get; init; }

    /// <summary>Whether its place could not be read: it stays as what cannot be hit or cannot hit.</summary>
    public bool Broken { get; init; }
}

/// <summary>An image of such a file.</summary>
internal sealed record LabelledImage(string Name, int Width, int Height, string File)
{
    public List<LabelledShape> Shapes { get; init; } = [];

    /// <summary>A second name under which results may know it.</summary>
    public string? Alias { get; init; }

    /// <summary>Classes known to be absent; null when the file does not say.</summary>
    public List<string>? Absent { get; init; }
}

/// <summary>Formats that name images and classes: they read and write images with shapes, the rest is the same for all.</summary>
public abstract record LabelledFormat : DetectionFormat
{
    /// <inheritdoc/>
    public override DetectionDataset ReadGroundTruth(string path, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var report = context.Read.Report ?? new ReadReport();
        var builder = new DatasetBuilder(context.Classes ?? ClassesOf(path));
        var absent = new List<(long Image, List<string> Classes)>();
        foreach (var image in Read(path, context with { Read = context.Read with { Report = report } }, withScores: false))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var desk = new FaultDesk(image.File, context.Read with { Report = report });
            if (builder.HasImage(image.Name))
            {
                desk.Fault(DataProblemKind.DuplicateId, "", "", $"holds image \"{image.Name}\", which occurred before.");
                desk.Tally(1, 1);
                continue;
            }
            var id = builder.AddImage(image.Name, image.Width, image.Height, image.Alias);
            if (image.Absent is { } none) absent.Add((id, none));
            desk.Tally(1);
            foreach (var s in image.Shapes)
            {
                if (builder.CategoryOf(s.Class) is not { } category)
                {
                    desk.Fault(DataProblemKind.UnknownCategory, s.Record, "",
                        $"has the class \"{s.Class}\", which is not among the classes.");
                    desk.Tally(1, 1);
                    continue;
                }
                desk.Tally(1);
                builder.Add(id, category, s.Broken ? Box.Unreachable : s.Box, s.Marks, s.Area ?? AreaOf(s), s.Segmentation, s.Keypoints);
            }
        }
        return WithAbsent(builder.Finish(path), absent);
    }

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(context);
        var report = context.Read.Report ?? new ReadReport();
        var names = new DatasetNames(dataset);
        var detections = new List<DetectedObject>();
        foreach (var image in Read(path,
            context with { Read = context.Read with { Report = report }, Known = new DatasetImages(dataset, names) }, withScores: true))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var desk = new FaultDesk(image.File, context.Read with { Report = report });
            desk.Tally(image.Shapes.Count);
            if ((names.Image(image.Name) ?? (image.Alias is { } alias ? names.Image(alias) : null)) is not { } id)
            {
                if (image.Shapes.Count == 0) continue;
                desk.Fault(DataProblemKind.UnknownImage, image.Shapes[0].Record, "", names.IsAmbiguous(image.Name)
                    ? $"lies in \"{image.Name}\", the name of several images."
                    : $"lies in \"{image.Name}\"; the data set has no such image.");
                desk.Tally(0, image.Shapes.Count);
                continue;
            }
            foreach (var s in image.Shapes)
            {
                if (names.Category(s.Class) is not { } category)
                {
                    desk.Fault(DataProblemKind.UnknownCategory, s.Record, "",
                        $"has the class \"{s.Class}\"; the data set has no such class.");
                    desk.Tally(0, 1);
                    continue;
                }
                if (s.Score is null) desk.Fault(DataProblemKind.MissingField, s.Record, "score", "is missing; detections need one.");
                detections.Add(s.Broken || s.Score is null ? TextLines.Miss(id, category)
                    : new DetectedObject(id, category, s.Box, s.Score.Value)
                    {
                        Shape = s.Segmentation is null && s.Keypoints is null ? null
                        : new DetectionShape
                        {
                            Segmentation = s.Segmentation,
                            Keypoints = s.Keypoints,
                            HasBox = s.Segmentation is null,
                            FromFile = true
                        },
                    });
            }
        }
        var results = new DetectionResults([.. detections]) { Source = path };
        AssumedShapes.Note(results, path, context.Read with { Report = report });
        return results;
    }

    /// <inheritdoc/>
    public override void WriteGroundTruth(DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        var objects = dataset.Objects.ToArray().ToLookup(o => o.ImageId);
        Write(path, dataset,
            dataset.Images.DistinctBy(i => i.Id)
            .Select(image => (image,
            ToImage(image, objects[image.Id].Select(o => new LabelledShape(dataset.CategoryName(o.CategoryId), "")
            {
                Box = o.Box,
                Segmentation = o.Segmentation,
                Keypoints = o.Keypoints,
                Marks = o.Marks,
                Area = o.Area,
            })))).ToArray(), withScores: false);
    }

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        foreach (var d in results.Items)
        {
            if (dataset.FindImage(d.ImageId) is null) throw new ArgumentException(
                $"a detection lies in image {d.ImageId}, which the data set does not have.", nameof(results));
        }
        var found = results.Items.ToArray().ToLookup(d => d.ImageId);
        Write(path, dataset,
            dataset.Images.DistinctBy(i => i.Id)
            .Select(image => (image,
            ToImage(image, found[image.Id].Select(d => new LabelledShape(dataset.CategoryName(d.CategoryId), "")
            {
                Box = d.Box,
                Segmentation = d.Shape?.Segmentation,
                Keypoints = d.Shape?.Keypoints,
                Score = d.Score,
            })))).ToArray(), withScores: true);
    }

    /// <summary>Class names that lie beside the files; null for none.</summary>
    private protected virtual IReadOnlyList<string>? ClassesOf(string path) => null;

    private protected abstract IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores);

    private protected abstract void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores);

    private protected static double[] Corners(Box b) => [b.X, b.Y, b.Right, b.Y, b.Right, b.Bottom, b.X, b.Bottom];

    private protected static DatasetImage Sized(DatasetImage image)
        => image is { Width: > 0, Height: > 0 } ? image
            : throw new ArgumentException($"image {image.Id} ({image.FileName}) has no size, which this format needs.");

    private protected static string Text(double value) => VocFormat.Text(value);

    private static LabelledImage ToImage(DatasetImage image, IEnumerable<LabelledShape> shapes)
        => new(ImagePaths.NameOf(image), image.Width, image.Height, "") { Shapes = [.. shapes] };

    private static double AreaOf(LabelledShape s) => s.Segmentation switch
    {
        RunLengthSegmentation { Mask: var mask } => mask.Area,
        PolygonSegmentation polygons => polygons.Polygons.Sum(Shoelace),
        _ => s.Broken ? 0 : s.Box.Area,
    };

    private static double Shoelace(double[] p)
    {
        double twice = 0;
        for (var i = 0; i < p.Length; i += 2)
        {
            var next = (i + 2) % p.Length;
            twice += (p[i] * p[next + 1]) - (p[next] * p[i + 1]);
        }
        return Math.Abs(twice) / 2;
    }

    /// <summary>Where images say which classes they do not hold, all images have such a list, an empty one where nothing is said.</summary>
    private static DetectionDataset WithAbsent(DetectionDataset dataset, List<(long Image, List<string> Classes)> absent)
    {
        if (absent.Count == 0) return dataset;
        var names = dataset.Categories.ToDictionary(c => c.Name, c => c.Id, StringComparer.Ordinal);
        var of = absent.ToDictionary(a => a.Image, a => a.Classes);
        DatasetImage[] images = [.. dataset.Images.Select(i
            => i with { NegativeCategoryIds = of.TryGetValue(i.Id, out var none)
            ? [.. none.Where(names.ContainsKey).Select(n => names[n])] : [] })];
        return dataset.With(images, dataset.Categories, dataset.Objects.ToArray());
    }

    /// <summary>The picture of a name; several are a fault, since only one has the size that counts.</summary>
    private protected static DatasetImage? PictureOf(ILookup<string, DatasetImage>? pictures, string stem, FaultDesk desk)
    {
        DatasetImage[] found = [.. pictures?[stem] ?? []];
        if (found.Length > 1)
        {
            desk.Fault(DataProblemKind.UnknownImage, "", "",
                $"belongs to \"{stem}\", and several pictures have that name: {string.Join(", ", found.Take(5).Select(i => i.FileName))}; "
                    + $"keep one.");
        }
        return found.FirstOrDefault();
    }

    /// <summary>Numbers of a record, or a fault and null.</summary>
    private protected static double[]? Numbers(FaultDesk desk, string record, string field, params ReadOnlySpan<string?> texts)
    {
        var numbers = new double[texts.Length];
        for (var i = 0; i < texts.Length; i++)
        {
            if (double.TryParse(texts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i])
                && double.IsFinite(numbers[i])) continue;
            desk.Fault(DataProblemKind.WrongValue, record, field, texts[i] is null ? "is missing."
                : $"is \"{texts[i]}\"; a finite number is needed.");
            return null;
        }
        return numbers;
    }

    private protected static Box CornerBox(FaultDesk desk, string record, double x0, double y0, double x1, double y1)
    {
        if (x1 < x0 || y1 < y0) desk.Fault(DataProblemKind.NegativeSize, record, "",
            "has its right edge left of the left one, or its lower edge above the upper one.");
        return Box.FromCorners(x0, y0, x1, y1);
    }

    /// <summary>A polygon with its bounds, or a fault and a broken shape.</summary>
    private protected static LabelledShape Polygon(FaultDesk desk, LabelledShape shape, IReadOnlyList<double[]> polygons)
    {
        var bad = polygons.Count == 0 || polygons.Any(p => p.Length < 6 || p.Length % 2 != 0);
        if (bad)
        {
            desk.Fault(DataProblemKind.BadMask, shape.Record, "", "has a polygon of fewer than three points.");
            return shape with { Broken = true };
        }
        if (polygons.Any(p => !RunLengthMask.CanDraw(p)))
        {
            desk.Fault(DataProblemKind.BadMask, shape.Record, "", RunLengthMask.CannotDraw);
            return shape with { Broken = true };
        }
        var segmentation = new PolygonSegmentation(polygons);
        return shape with { Segmentation = segmentation, Box = ShapeBounds.Of(segmentation, null) };
    }
}
