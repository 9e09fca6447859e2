using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>FiftyOne's image detection data set: <c>labels.json</c> with the classes and, for every image, boxes in shares of its size. The
/// sizes are those of the pictures in <c>data/</c> beside it, unless another folder is given.</summary>
[Part("fiftyone", "FiftyOneImageDetectionDataset")]
public sealed record FiftyOneFile : LabelledFormat
{
    private const string Name = "labels.json";

    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.EmptyImages;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => File.Exists(path) ? FilePeek.HasExtension(path, ".json") && Looks(path)
            : File.Exists(Path.Combine(path, Name)) && Looks(FileOf(path));

    internal static bool Looks(string path)
    {
        var start = FilePeek.Start(path, 1 << 15);
        return start.TrimStart('\uFEFF', ' ', '\n', '\r', '\t').StartsWith('{') && start.Contains("\"labels\"", StringComparison.Ordinal)
            && (start.Contains("\"classes\"", StringComparison.Ordinal) || start.Contains("\"bounding_box\"", StringComparison.Ordinal))
            && !start.Contains("\"annotations\"", StringComparison.Ordinal) && !start.Contains("\"shapes\"", StringComparison.Ordinal);
    }

    private protected override IReadOnlyList<string>? ClassesOf(string path)
    {
        using var document = JsonFiles.Open(FileOf(path), new FaultDesk(path, new ReadOptions { Lenient = true }));
        return document is null ? null : Array.FindAll(Classes(document.RootElement), c => c.Length > 0) is { Length: > 0 } names ? names
            : null;
    }

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var file = FileOf(path);
        var desk = new FaultDesk(file, context.Read);
        using var document = JsonFiles.Open(file, desk);
        if (document is null) return [];
        if (document.RootElement.Find("labels") is not { ValueKind: JsonValueKind.Object } labels)
        {
            desk.Fault(DataProblemKind.MissingField, "", "labels", "is missing; an object with a list of boxes for each image is needed.");
            desk.Tally(1, 1);
            return [];
        }
        var classes = Classes(document.RootElement);
        var data = context.ImageFolder ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "data");
        var pictures = context.Known is null && Directory.Exists(data)
            ? YoloFormat.ReadImages(data).ToLookup(i => ImagePaths.WithoutExtension(i.FileName), StringComparer.Ordinal) : null;
        var images = new List<LabelledImage>();
        foreach (var entry in labels.EnumerateObject())
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var picture = context.Known is { } known ? known.Find(entry.Name) : PictureOf(pictures, entry.Name, desk);
            var name = context.Known is null ? picture?.FileName ?? entry.Name : entry.Name;
            var image = new LabelledImage(name, picture?.Width ?? 0, picture?.Height ?? 0, file) { Alias = entry.Name };
            var boxes = ((JsonElement?)entry.Value).Items();
            for (var i = 0; i < boxes.Length; i++)
            {
                var record = string.Create(CultureInfo.InvariantCulture, $"labels.{entry.Name}[{i}]");
                if (ShapeOf(boxes[i], record, classes, image, desk, withScores) is { } shape) image.Shapes.Add(shape);
            }
            images.Add(image);
        }
        return images;
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        var paths = new ImagePaths(dataset.Images);
        AtomicFile.Write(path, stream =>
        {
            using var json = new Utf8JsonWriter(stream, JsonFiles.Indented);
            json.WriteStartObject();
            json.WriteStartArray("classes");
            foreach (var c in dataset.Categories) json.WriteStringValue(dataset.CategoryName(c.Id));
            json.WriteEndArray();
            json.WriteStartObject("labels");
            foreach (var (image, labels) in images)
            {
                if (labels.Shapes.Count > 0) Sized(image);
                json.WriteStartArray(paths.Of(image.Id));
                foreach (var s in labels.Shapes)
                {
                    json.WriteStartObject();
                    json.WriteString("label", s.Class);
                    json.WriteStartArray("bounding_box");
                    json.WriteNumberValue(s.Box.X / image.Width);
                    json.WriteNumberValue(s.Box.Y / image.Height);
                    json.WriteNumberValue(s.Box.Width / image.Width);
                    json.WriteNumberValue(s.Box.Height / image.Height);
                    json.WriteEndArray();
                    if (s.Score is { } score) json.WriteNumber("confidence", score);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    private static string FileOf(string path) => Directory.Exists(path) ? Path.Combine(path, Name) : path;

    private static string[] Classes(JsonElement root)
        => [.. root.Find("classes").Items().Select(c => ((JsonElement?)c).TextOf() ?? "")];

    private static LabelledShape? ShapeOf(JsonElement box, string record, string[] classes, LabelledImage image, FaultDesk desk,
        bool withScores)
    {
        var label = box.Find("label");
        // A label may be the place of its class in the list.
        var name = label is { ValueKind: JsonValueKind.Number } && label.Value.TryGetInt32(out var at) && at >= 0 && at < classes.Length
            ? classes[at] : label.TextOf();
        if (string.IsNullOrEmpty(name))
        {
            desk.Fault(DataProblemKind.MissingField, record, "label", "is missing.");
            desk.Tally(1, 1);
            return null;
        }
        var shape = new LabelledShape(name, record);
        if (withScores) shape = shape with { Score = box.Find("confidence").NumberOf() };
        var n = box.Find("bounding_box").Items();
        if (n.Length != 4 || !Array.TrueForAll(n, v => ((JsonElement?)v).NumberOf() is not null))
        {
            desk.Fault(DataProblemKind.WrongValue, record, "bounding_box",
                "is not a list of four numbers: left, top, width, height in shares.");
            return shape with { Broken = true };
        }
        if (image.Width <= 0 || image.Height <= 0)
        {
            desk.Fault(DataProblemKind.MissingField, record, "bounding_box",
                "holds shares of a size that is not known: give the folder of the pictures (--images FOLDER).");
            return shape with { Broken = true };
        }
        double[] v = Array.ConvertAll(n, e => ((JsonElement?)e).NumberOf()!.Value);
        if (v[2] < 0 || v[3] < 0) desk.Fault(DataProblemKind.NegativeSize, record, "bounding_box", "has a width or height below 0.");
        return shape with { Box = new Box(v[0] * image.Width, v[1] * image.Height, v[2] * image.Width, v[3] * image.Height) };
    }
}
