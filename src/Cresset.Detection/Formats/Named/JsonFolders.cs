using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>Reading and writing of small JSON documents, one per image.</summary>
internal static class JsonFiles
{
    public static JsonWriterOptions Indented { get; } = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The document, or a fault and null.</summary>
    public static JsonDocument? Open(string file, FaultDesk desk)
    {
        var bytes = File.ReadAllBytes(file).AsMemory();
        if (bytes.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) bytes = bytes[3..];
        if (!Utf8.IsValid(bytes.Span))
        {
            desk.Fault(DataProblemKind.Malformed, "", "", "is not UTF-8.");
            desk.Tally(1, 1);
            return null;
        }
        try
        {
            return JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 64 });
        }
        catch (JsonException e)
        {
            desk.Fault(DataProblemKind.Malformed, string.Create(CultureInfo.InvariantCulture, $"line {(e.LineNumber ?? 0) + 1}"), "",
                "is not JSON.");
            desk.Tally(1, 1);
            return null;
        }
    }

    public static JsonElement? Find(this JsonElement e, string name)
        => e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value
            : null;

    public static string? TextOf(this JsonElement? e) => e switch
    {
        { ValueKind: JsonValueKind.String } s => Whole(s),
        { ValueKind: JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } n => n.GetRawText(),
        _ => null,
    };

    /// <summary>A text; null where an escape stands for half a character, which is not text.</summary>
    private static string? Whole(JsonElement text)
    {
        try
        {
            return text.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public static double? NumberOf(this JsonElement? e)
        => double.TryParse(e.TextOf(), NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && double.IsFinite(n) ? n : null;

    public static int SizeOf(this JsonElement? e) => e.NumberOf() is { } n and >= 0 and <= 1e6 ? (int)Math.Round(n) : 0;

    public static JsonElement[] Items(this JsonElement? e)
        => e is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    /// <summary>Points [[x, y], ...] one after the other; null when they are none.</summary>
    public static double[]? Points(this JsonElement? e)
    {
        if (e is not { ValueKind: JsonValueKind.Array } list) return null;
        var values = new List<double>();
        foreach (var p in list.EnumerateArray())
        {
            var pair = ((JsonElement?)p).Items();
            if (pair.Length != 2 || ((JsonElement?)pair[0]).NumberOf() is not { } x
                || ((JsonElement?)pair[1]).NumberOf() is not { } y) return null;
            values.AddRange([x, y]);
        }
        return [.. values];
    }

    public static void WritePoints(Utf8JsonWriter json, double[] points)
    {
        json.WriteStartArray();
        for (var i = 0; i + 1 < points.Length; i += 2)
        {
            json.WriteStartArray();
            json.WriteNumberValue(points[i]);
            json.WriteNumberValue(points[i + 1]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    /// <summary>Whether a folder holds a JSON file (of the first few) with one of the given names in it.</summary>
    public static bool FolderWith(string path, string name)
        => Directory.Exists(path)
            && FilePeek.Files(path, ".json").Take(5).Any(f => FilePeek.Start(f, 1 << 15).Contains($"\"{name}\"", StringComparison.Ordinal));
}

/// <summary>LabelMe: one JSON file per image with rectangles and polygons; shapes of one group are one object. Other shapes are
/// faults.</summary>
[Part("labelme", "Wada, labelme")]
public sealed record LabelMeFolder : LabelledFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.Polygons | FormatFeatures.EmptyImages | FormatFeatures.Sizes;

    /// <inheritdoc/>
    public override bool Recognizes(string path) => JsonFiles.FolderWith(path, "shapes");

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        foreach (var file in FilePeek.Files(path, ".json"))
        {
            var desk = new FaultDesk(file, context.Read);
            using var document = JsonFiles.Open(file, desk);
            if (document is null) continue;
            var root = document.RootElement;
            var stem = FilePeek.StemBelow(path, file);
            var given = root.Find("imagePath").TextOf()?.Replace('\\', '/') ?? stem;
            // The path is seen from the JSON file; only its name counts, in the folder of the file.
            var name = stem[..(stem.LastIndexOf('/') + 1)] + given[(given.LastIndexOf('/') + 1)..];
            var image = new LabelledImage(name, root.Find("imageWidth").SizeOf(), root.Find("imageHeight").SizeOf(), file) { Alias = stem };
            var shapes = root.Find("shapes");
            if (shapes is not { ValueKind: JsonValueKind.Array }) desk.Fault(DataProblemKind.MissingField, "", "shapes", "is not a list.");
            var groups = new Dictionary<string, (LabelledShape Shape, List<double[]> Polygons)>(StringComparer.Ordinal);
            var index = 0;
            foreach (var s in shapes.Items()) Take(s, string.Create(CultureInfo.InvariantCulture, $"shapes[{index++}]"), image, groups,
                desk, withScores);
            foreach (var (shape, polygons) in groups.Values) image.Shapes.Add(Polygon(desk, shape, polygons));
            yield return image;
        }
    }

    private static void Take(JsonElement s, string record, LabelledImage image, Dictionary<string,
        (LabelledShape Shape, List<double[]> Polygons)> groups, FaultDesk desk, bool withScores)
    {
        var kind = s.Find("shape_type").TextOf() ?? "polygon";
        var label = s.Find("label").TextOf();
        var points = s.Find("points").Points();
        if (string.IsNullOrWhiteSpace(label) || kind is not ("rectangle" or "polygon"))
        {
            desk.Fault(DataProblemKind.WrongValue, record, label is null ? "label" : "shape_type", label is null ? "is missing."
                : $"is \"{kind}\"; rectangles and polygons are read.");
            desk.Tally(1, 1);
            return;
        }
        var shape = new LabelledShape(label, record);
        if (withScores) shape = shape with { Score = s.Find("score").NumberOf() ?? s.Find("flags")?.Find("score").NumberOf() };
        if (points is null || (kind == "rectangle" && points.Length is not (4 or 8)))
        {
            desk.Fault(DataProblemKind.WrongValue, record, "points", "is not a list of points [x, y]; a rectangle has two or four.");
            image.Shapes.Add(shape with { Broken = true });
            return;
        }
        if (kind == "rectangle")
        {
            // Corners may be given in any order.
            var bounds = new BoundsOfPoints();
            for (var i = 0; i < points.Length; i += 2) bounds.Add(points[i], points[i + 1]);
            image.Shapes.Add(shape with { Box = Box.FromCorners(bounds.Box.X, bounds.Box.Y, bounds.Box.Right, bounds.Box.Bottom) });
            return;
        }
        var group = s.Find("group_id").TextOf();
        if (group is null || withScores)
        {
            image.Shapes.Add(Polygon(desk, shape, [points]));
            return;
        }
        var key = $"{label}\n{group}";
        if (groups.TryGetValue(key, out var known)) known.Polygons.Add(points);
        else groups[key] = (shape, [points]);
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        var paths = new ImagePaths(dataset.Images);
        if (withScores && images.SelectMany(i => i.Labels.Shapes)
            .Any(s => s.Segmentation is PolygonSegmentation { Polygons.Count: > 1 })) throw new ArgumentException(
            "a detection has several polygons, which LabelMe cannot keep together with a score; write COCO.");
        Directory.CreateDirectory(path);
        foreach (var (image, labels) in images)
        {
            AtomicFile.Write(SafeNames.Below(path, paths.Of(image.Id) + ".json"), stream =>
            {
                using var json = new Utf8JsonWriter(stream, JsonFiles.Indented);
                json.WriteStartObject();
                json.WriteString("version", "5.4.1");
                json.WriteStartObject("flags");
                json.WriteEndObject();
                json.WriteStartArray("shapes");
                var group = 0;
                foreach (var s in labels.Shapes)
                {
                    IReadOnlyList<double[]> parts = s.Segmentation is PolygonSegmentation p ? p.Polygons
                        : [[s.Box.X, s.Box.Y, s.Box.Right, s.Box.Bottom]];
                    group++;
                    foreach (var part in parts)
                    {
                        json.WriteStartObject();
                        json.WriteString("label", s.Class);
                        json.WritePropertyName("points");
                        JsonFiles.WritePoints(json, part);
                        if (parts.Count > 1) json.WriteNumber("group_id", group);
                        else json.WriteNull("group_id");
                        json.WriteString("shape_type", s.Segmentation is PolygonSegmentation ? "polygon" : "rectangle");
                        if (s.Score is { } score) json.WriteNumber("score", score);
                        json.WriteStartObject("flags");
                        json.WriteEndObject();
                        json.WriteEndObject();
                    }
                }
                json.WriteEndArray();
                json.WriteString("imagePath", labels.Name[(labels.Name.LastIndexOf('/') + 1)..]);
                json.WriteNull("imageData");
                json.WriteNumber("imageHeight", labels.Height);
                json.WriteNumber("imageWidth", labels.Width);
                json.WriteEndObject();
            });
        }
    }
}

/// <summary>Supervisely: a folder with meta.json and, in folders named ann, one JSON file per image named after the picture;
/// rectangles and polygons are read.</summary>
[Part("supervisely", "Supervisely annotation format")]
public sealed record SuperviselyFolder : LabelledFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.Polygons | FormatFeatures.EmptyImages | FormatFeatures.Sizes;

    /// <inheritdoc/>
    public override bool Recognizes(string path) => Directory.Exists(path) && File.Exists(Path.Combine(path, "meta.json"));

    private protected override IReadOnlyList<string>? ClassesOf(string path)
    {
        var meta = Path.Combine(path, "meta.json");
        if (!File.Exists(meta)) return null;
        using var document = JsonFiles.Open(meta, new FaultDesk(meta, new ReadOptions()));
        var names = document?.RootElement.Find("classes").Items().Select(c => c.Find("title").TextOf() ?? "").Where(t => t.Length > 0)
            .ToArray();
        return names is { Length: > 0 } ? names : null;
    }

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        foreach (var file in FilePeek.Files(path, ".json")
            .Where(f => Path.GetFileName(f) is not ("meta.json" or "obj_class_to_machine_color.json")))
        {
            var desk = new FaultDesk(file, context.Read);
            using var document = JsonFiles.Open(file, desk);
            if (document is null) continue;
            var root = document.RootElement;
            var below = Path.GetRelativePath(path, file).Replace('\\', '/')[..^5];
            var name = string.Join('/', below.Split('/').Where((p, i) => p != "ann" || i == below.Count(c => c == '/')));
            var image = new LabelledImage(name, root.Find("size")?.Find("width").SizeOf() ?? 0,
                root.Find("size")?.Find("height").SizeOf() ?? 0, file);
            var index = 0;
            foreach (var o in root.Find("objects").Items())
            {
                var record = string.Create(CultureInfo.InvariantCulture, $"objects[{index++}]");
                if (ReadObject(o, record, desk, withScores) is { } shape) image.Shapes.Add(shape);
            }
            yield return image;
        }
    }

    private static LabelledShape? ReadObject(JsonElement o, string record, FaultDesk desk, bool withScores)
    {
        var kind = o.Find("geometryType").TextOf() ?? "";
        var label = o.Find("classTitle").TextOf();
        if (string.IsNullOrWhiteSpace(label) || kind is not ("rectangle" or "polygon"))
        {
            desk.Fault(DataProblemKind.WrongValue, record, label is null ? "classTitle" : "geometryType", label is null ? "is missing."
                : $"is \"{kind}\"; rectangles and polygons are read.");
            desk.Tally(1, 1);
            return null;
        }
        var shape = new LabelledShape(label, record);
        if (withScores)
        {
            var tag = o.Find("tags").Items().FirstOrDefault(t => t.Find("name").TextOf() is "confidence" or "score" or "conf");
            shape = shape with { Score = tag.Find("value").NumberOf() };
        }
        var exterior = o.Find("points")?.Find("exterior").Points();
        if (exterior is null || (kind == "rectangle" && exterior.Length != 4))
        {
            desk.Fault(DataProblemKind.WrongValue, record, "points", "has no exterior of points [x, y]; a rectangle has two.");
            return shape with { Broken = true };
        }
        if (kind == "polygon")
        {
            if (o.Find("points")?.Find("interior").Items() is { Length: > 0 }) desk.Fault(DataProblemKind.WrongValue, record, "interior",
                "holds holes, which polygons of a data set cannot have here.");
            return Polygon(desk, shape, [exterior]);
        }
        double x0 = Math.Min(exterior[0], exterior[2]), y0 = Math.Min(exterior[1], exterior[3]);
        return shape with { Box = Box.FromCorners(x0, y0, Math.Max(exterior[0], exterior[2]), Math.Max(exterior[1], exterior[3])) };
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        if (images.SelectMany(i => i.Labels.Shapes)
            .Any(s => s.Segmentation is PolygonSegmentation { Polygons.Count: > 1 })) throw new ArgumentException(
            "an object has several polygons, which Supervisely keeps as objects of their own; write COCO.");
        var full = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (_, labels) in images)
        {
            if (!full.Add(SafeNames.RelativePath(labels.Name))) throw new ArgumentException(
                $"two images would share the file {labels.Name}.json; rename one.");
        }
        Directory.CreateDirectory(path);
        AtomicFile.Write(Path.Combine(path, "meta.json"), stream =>
        {
            using var json = new Utf8JsonWriter(stream, JsonFiles.Indented);
            json.WriteStartObject();
            json.WriteStartArray("classes");
            foreach (var c in dataset.Categories.DistinctBy(c => c.Id).OrderBy(c => c.Id))
            {
                json.WriteStartObject();
                json.WriteString("title", dataset.CategoryName(c.Id));
                json.WriteString("shape", "any");
                json.WriteString("color", "#0072B2");
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("tags");
            json.WriteEndArray();
            json.WriteEndObject();
        });
        foreach (var (_, labels) in images)
        {
            var name = SafeNames.RelativePath(labels.Name);
            var slash = name.LastIndexOf('/');
            AtomicFile.Write(SafeNames.Below(path, $"{name[..(slash + 1)]}ann/{name[(slash + 1)..]}.json"), stream =>
            {
                using var json = new Utf8JsonWriter(stream, JsonFiles.Indented);
                json.WriteStartObject();
                json.WriteString("description", "");
                json.WriteStartArray("tags");
                json.WriteEndArray();
                json.WriteStartObject("size");
                json.WriteNumber("height", labels.Height);
                json.WriteNumber("width", labels.Width);
                json.WriteEndObject();
                json.WriteStartArray("objects");
                foreach (var s in labels.Shapes)
                {
                    json.WriteStartObject();
                    json.WriteString("classTitle", s.Class);
                    json.WriteString("geometryType", s.Segmentation is PolygonSegmentation ? "polygon" : "rectangle");
                    json.WriteStartArray("tags");
                    if (s.Score is { } score)
                    {
                        json.WriteStartObject();
                        json.WriteString("name", "confidence");
                        json.WriteNumber("value", score);
                        json.WriteEndObject();
                    }
                    json.WriteEndArray();
                    json.WriteStartObject("points");
                    json.WritePropertyName("exterior");
                    JsonFiles.WritePoints(json, s.Segmentation is PolygonSegmentation { Polygons: [var p] } ? p
                        : [s.Box.X, s.Box.Y, s.Box.Right, s.Box.Bottom]);
                    json.WriteStartArray("interior");
                    json.WriteEndArray();
                    json.WriteEndObject();
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                json.WriteEndObject();
            });
        }
    }
}
