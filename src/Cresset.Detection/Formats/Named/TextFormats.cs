using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>The text files of Object-Detection-Metrics: one file per image, lines <c>class left top right bottom</c>, with a score after
/// the class for detections.</summary>
[Part("padilla", "Padilla et al. 2020")]
public sealed record PadillaFolder : LabelledFormat
{
    /// <summary>Whether the last two numbers are width and height instead of right and bottom.</summary>
    public bool Sizes { get; init; }

    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.EmptyImages;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => FilePeek.FirstFields(path) is { Length: >= 5 } f && !FilePeek.IsNumber(f[0]) && f[^4..].All(FilePeek.IsNumber)
            && !DotaFolder.Looks(f) && !KittiFolder.Looks(f)
            && !ClassFiles.Any(path);

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var numbers = withScores ? 5 : 4;
        var pictures = context.ImageFolder is { } folder
            ? YoloFormat.ReadImages(folder).ToLookup(i => ImagePaths.WithoutExtension(i.FileName), StringComparer.Ordinal) : null;
        foreach (var file in FilePeek.Files(path, ".txt"))
        {
            var desk = new FaultDesk(file, context.Read);
            TextFile.Check(file, desk);
            var stem = FilePeek.StemBelow(path, file);
            var picture = PictureOf(pictures, stem, desk);
            var image = new LabelledImage(picture?.FileName ?? stem, picture?.Width ?? 0, picture?.Height ?? 0, file);
            foreach (var (line, fields, record) in TextLines.ReadWhole(file))
            {
                if (fields.Length < numbers + 1)
                {
                    desk.Fault(DataProblemKind.Malformed, record, "",
                        $"has {fields.Length} fields; class {(withScores ? "score " : "")}left top "
                            + $"{(Sizes ? "width height" : "right bottom")} are needed.");
                    desk.Tally(1, 1);
                    continue;
                }
                // A class may hold blanks: the numbers are counted from the end. Several numbers inside it are those of another layout.
                if (fields.Length > numbers + 3 && fields[1..^numbers].All(FilePeek.IsNumber))
                {
                    desk.Fault(DataProblemKind.Malformed, record, "",
                        $"has {fields.Length - 1} numbers after the class; {numbers} are needed: {(withScores ? "score " : "")}left top "
                            + $"{(Sizes ? "width height" : "right bottom")}.");
                    desk.Tally(1, 1);
                    continue;
                }
                var shape = new LabelledShape(fields.Length == numbers + 1 ? fields[0] : TextLines.WithoutLast(line, numbers), record);
                if (!TextLines.TryNumbers(fields.AsSpan(fields.Length - numbers), desk, record,
                    out var n)) shape = shape with { Broken = true };
                else
                {
                    var at = numbers - 4;
                    var box = Sizes ? new Box(n[at], n[at + 1], n[at + 2], n[at + 3])
                        : CornerBox(desk, record, n[at], n[at + 1], n[at + 2], n[at + 3]);
                    shape = shape with { Box = box, Score = withScores ? n[0] : null };
                }
                image.Shapes.Add(shape);
            }
            yield return image;
        }
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        foreach (var c in dataset.Categories)
        {
            if (c.Name.Length > 0
                && (c.Name.AsSpan().IndexOfAny("\r\n") >= 0 || c.Name.Trim() != c.Name)) throw new ArgumentException(
                $"the class \"{c.Name}\" holds a line break, or begins or ends with a blank; a line of this format cannot hold it.");
        }
        var paths = new ImagePaths(dataset.Images);
        Directory.CreateDirectory(path);
        foreach (var (image, labels) in images)
        {
            var text = new StringBuilder();
            foreach (var s in labels.Shapes)
            {
                var b = s.Box;
                text.Append(CultureInfo.InvariantCulture,
                    $"{s.Class}{(withScores ? " " + Text(s.Score!.Value) : "")} {Text(b.X)} {Text(b.Y)} {Text(Sizes ? b.Width : b.Right)} "
                        + $"{Text(Sizes ? b.Height : b.Bottom)}\n");
            }
            AtomicFile.WriteText(SafeNames.Below(path, paths.Of(image.Id) + ".txt"), text.ToString());
        }
    }
}

/// <summary>DOTA: one text file per image, lines of four corners, class and difficulty; kept as polygons with their bounds as boxes.
/// Detections are the files of its kit, <c>Task1_CLASS.txt</c> with corners or <c>Task2_CLASS.txt</c> with level boxes; files like those of
/// the truth with a score at the end are read too.</summary>
[Part("dota", "Xia et al. 2018, arXiv:1711.10398")]
public sealed record DotaFolder : LabelledFormat
{
    /// <summary>1 for oriented boxes, 2 for level ones; 0 reads the one that is there and writes oriented ones.</summary>
    public int Task { get; init; }

    /// <inheritdoc/>
    public override FormatFeatures Keeps
        => FormatFeatures.Difficult | FormatFeatures.EmptyImages | (Task == 2 ? FormatFeatures.None : FormatFeatures.Polygons);

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => ClassFiles.AreDota(path) || (FilePeek.FirstFields(path) is { } f && Looks(f) && !ClassFiles.AreVoc(path));

    /// <inheritdoc/>
    public override DetectionResults ReadResults(string path, DetectionDataset dataset, FormatContext context)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(context);
        return Directory.Exists(path) && ClassFiles.OfDota(path, Task) is { Count: > 0 } files
            ? ClassFiles.Read(path, files, dataset, context.Read, context.Cancellation)
            : base.ReadResults(path, dataset, context);
    }

    /// <inheritdoc/>
    public override void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
        => ClassFiles.Write(results, dataset, path, Task == 2 ? "Task2_" : "Task1_", corners: Task != 2);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Task, 0, 2);

    internal static bool Looks(string[] fields)
        => fields.Length is 9 or 10 or 11 && fields[..8].All(FilePeek.IsNumber) && !FilePeek.IsNumber(fields[8]);

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var pictures = context.ImageFolder is { } folder
            ? YoloFormat.ReadImages(folder).ToLookup(i => ImagePaths.WithoutExtension(i.FileName), StringComparer.Ordinal) : null;
        foreach (var file in FilePeek.Files(path, ".txt"))
        {
            var desk = new FaultDesk(file, context.Read);
            TextFile.Check(file, desk);
            var stem = FilePeek.StemBelow(path, file);
            var picture = PictureOf(pictures, stem, desk);
            var image = new LabelledImage(picture?.FileName ?? stem, picture?.Width ?? 0, picture?.Height ?? 0, file);
            foreach (var (fields, record) in TextLines.Read(file))
            {
                if (fields[0].StartsWith("imagesource:", StringComparison.Ordinal)
                    || fields[0].StartsWith("gsd:", StringComparison.Ordinal)) continue;
                if (fields.Length < (withScores ? 10 : 9))
                {
                    desk.Fault(DataProblemKind.Malformed, record, "",
                        $"has {fields.Length} fields; x1 y1 x2 y2 x3 y3 x4 y4 class {(withScores ? "score" : "difficult")} are needed.");
                    desk.Tally(1, 1);
                    continue;
                }
                var shape = new LabelledShape(fields[8], record);
                if (withScores && Numbers(desk, record, "score", fields[^1]) is { } score) shape = shape with { Score = score[0] };
                var difficult = false;
                if (!withScores && fields.Length > 9
                    && !FlagText.TryParse(fields[9], out difficult)) desk.Fault(DataProblemKind.WrongValue, record, "difficult",
                    $"is \"{fields[9]}\"; 0, 1 or 2 is needed.");
                shape = shape with { Marks = difficult ? ObjectMarks.Difficult : ObjectMarks.None };
                image.Shapes.Add(TextLines.TryNumbers(fields.AsSpan(0, 8), desk, record, out var n) ? Polygon(desk, shape, [n])
                    : shape with { Broken = true });
            }
            yield return image;
        }
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        foreach (var c in dataset.Categories)
        {
            if (c.Name.Any(char.IsWhiteSpace)) throw new ArgumentException(
                $"the class \"{c.Name}\" holds a blank; a line of DOTA cannot hold it.");
        }
        foreach (var (image, labels) in images)
        {
            if (Task != 2 && labels.Shapes.Exists(s => s.Segmentation is not (null or PolygonSegmentation { Polygons: [{ Length: 8 }] })))
            {
                throw new ArgumentException($"image {image.Id} has a shape that is not one polygon of four corners, which DOTA needs.");
            }
        }
        foreach (var (image, labels) in images)
        {
            foreach (var s in labels.Shapes) DrawnOnly(CornersOf(s), $"an object of image {image.Id} ({image.FileName})");
        }
        var paths = new ImagePaths(dataset.Images);
        Directory.CreateDirectory(path);
        foreach (var (image, labels) in images)
        {
            var text = new StringBuilder();
            foreach (var s in labels.Shapes)
            {
                var corners = CornersOf(s);
                var difficult = (s.Marks & ObjectMarks.Difficult) != 0 ? '1' : '0';
                text.Append(string.Join(' ', corners.Select(Text))).Append(CultureInfo.InvariantCulture, $" {s.Class} {difficult}\n");
            }
            AtomicFile.WriteText(SafeNames.Below(path, paths.Of(image.Id) + ".txt"), text.ToString());
        }
    }

    /// <summary>Refuses corners that the reader of this format would not take.</summary>
    internal static void DrawnOnly(double[] corners, string whose)
    {
        if (RunLengthMask.CanDraw(corners)) return;
        var far = Array.Find(corners, c => !(Math.Abs(c) <= RunLengthMask.MaxCoordinate));
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"{whose} has a corner at {far}; corners of DOTA lie within {RunLengthMask.MaxCoordinate:0} pixels of the origin. Leave the "
                + $"object out, or correct it."));
    }

    private double[] CornersOf(LabelledShape s) =>
        Task != 2 && s.Segmentation is PolygonSegmentation { Polygons: [var p] } ? p : Corners(s.Box);
}
