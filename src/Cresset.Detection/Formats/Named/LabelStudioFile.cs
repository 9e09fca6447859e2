using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>Label Studio's JSON export: a list of tasks; rectangles and polygons in percent of the image. Detections are read from
/// predictions.</summary>
[Part("label-studio", "Label Studio JSON export")]
public sealed record LabelStudioFile : LabelledFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.Polygons | FormatFeatures.EmptyImages | FormatFeatures.Sizes;

    /// <inheritdoc/>
    public override bool Recognizes(string path) => File.Exists(path) && FilePeek.HasExtension(path, ".json") && Looks(path);

    internal static bool Looks(string path)
    {
        var start = FilePeek.Start(path, 1 << 15);
        return start.TrimStart('\uFEFF', ' ', '\n', '\r', '\t').StartsWith('[') && start.Contains("\"data\"", StringComparison.Ordinal)
            && (start.Contains("\"annotations\"", StringComparison.Ordinal)
                || start.Contains("\"predictions\"", StringComparison.Ordinal)
                || start.Contains("\"completions\"", StringComparison.Ordinal));
    }

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var desk = new FaultDesk(path, context.Read);
        using var document = JsonFiles.Open(path, desk);
        if (document is null) return [];
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            desk.Fault(DataProblemKind.Malformed, "", "", "is not a list of tasks.");
            desk.Tally(1, 1);
            return [];
        }
        var images = new List<LabelledImage>();
        foreach (var task in document.RootElement.EnumerateArray())
        {
            var record = string.Create(CultureInfo.InvariantCulture, $"tasks[{images.Count}]");
            if (NameOf(task) is not { Length: > 0 } name)
            {
                desk.Fault(DataProblemKind.MissingField, record, "data", "names no image.");
                name = record;
            }
            var given = withScores ? task.Find("predictions").Items() : task.Find("annotations") is { } a ? ((JsonElement?)a).Items()
                : task.Find("completions").Items();
            JsonElement[] sets = [.. given.Where(s => s.Find("was_cancelled").TextOf() != "true")];
            // Several people may have labelled one image; their labels must not add up.
            if (sets.Length > 1) desk.Note(DataProblemKind.Layout, record, withScores ? "predictions" : "annotations",
                $"holds {sets.Length} answers; the last is taken.");
            var (width, height) = (task.Find("data")?.Find("width").SizeOf() ?? 0, task.Find("data")?.Find("height").SizeOf() ?? 0);
            images.Add(sets.Length == 0 ? new LabelledImage(name, width, height, path)
                : ReadSet(sets[^1], record, new LabelledImage(name, width, height, path), desk, withScores));
        }
        return images;
    }

    private static string? NameOf(JsonElement task)
    {
        var data = task.Find("data");
        var text = task.Find("file_upload").TextOf();
        var given = data?.Find("image").TextOf() ?? data?.Find("img").TextOf() ?? data?.Find("url").TextOf()
            ?? (data is { ValueKind: JsonValueKind.Object } d
                ? d.EnumerateObject().Select(p => ((JsonElement?)p.Value).TextOf())
                .FirstOrDefault(t => t is not null && ImageHeader.IsPicture(t.Split('?')[0])) : null) ?? text;
        if (given is null) return null;
        // An address or a path of the server: what follows ?d= for local files, else the path without its query.
        var local = given.IndexOf("?d=", StringComparison.Ordinal);
        var path = Uri.UnescapeDataString(local >= 0 ? given[(local + 3)..] : given.Split('?')[0]).Replace('\\', '/');
        var scheme = path.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0) path = path[(path.IndexOf('/', scheme + 3) + 1)..];
        path = path.TrimStart('/');
        const string Upload = "data/upload/";
        return path.StartsWith(Upload, StringComparison.Ordinal) ? path[(path.LastIndexOf('/') + 1)..] : path;
    }

    private static LabelledImage ReadSet(JsonElement set, string task, LabelledImage image, FaultDesk desk, bool withScores)
    {
        var results = set.Find("result").Items();
        var sized = results.FirstOrDefault(r => r.Find("original_width").SizeOf() > 0);
        if (sized.Find("original_width").SizeOf() is > 0 and var width) image = image with
        {
            Width = width,
            Height = sized.Find("original_height").SizeOf()
        };
        for (var i = 0; i < results.Length; i++)
        {
            var r = results[i];
            var record = string.Create(CultureInfo.InvariantCulture, $"{task}.result[{i}]");
            var kind = r.Find("type").TextOf() ?? "";
            if (kind is "choices" or "relation" or "textarea" or "rating") continue;
            var value = r.Find("value") ?? default;
            var given = ((JsonElement?)(value.Find(kind) ?? value.Find("labels"))).Items();
            var label = given is [var first, ..] ? ((JsonElement?)first).TextOf() : null;
            if (given.Length > 1)
                desk.Note(DataProblemKind.Layout, record, kind, $"holds {given.Length} labels; the first, {label}, is taken.");
            if (label is null || kind is not ("rectanglelabels" or "polygonlabels" or "rectangle" or "polygon") || image.Width <= 0)
            {
                desk.Fault(DataProblemKind.WrongValue, record, "type", label is null ? "has no label." : image.Width <= 0
                    ? "has no original_width." : $"is \"{kind}\"; rectangles and polygons are read.");
                desk.Tally(1, 1);
                continue;
            }
            var shape = new LabelledShape(label, record);
            if (withScores) shape = shape with
            {
                Score = r.Find("score").NumberOf() ?? value.Find("score").NumberOf() ?? set.Find("score")
                .NumberOf()
            };
            image.Shapes.Add(kind.StartsWith("rectangle", StringComparison.Ordinal) ? Rectangle(value, shape, image, desk)
                : Outline(value, shape, image, desk));
        }
        return image;
    }

    private static LabelledShape Rectangle(JsonElement value, LabelledShape shape, LabelledImage image, FaultDesk desk)
    {
        if (value.Find("rotation").NumberOf() is { } rotation and not 0) desk.Fault(DataProblemKind.WrongValue, shape.Record, "rotation",
            string.Create(CultureInfo.InvariantCulture, $"is {rotation}; rotated rectangles are not read."));
        var n = Numbers(desk, shape.Record, "value", value.Find("x").TextOf(), value.Find("y").TextOf(), value.Find("width").TextOf(),
            value.Find("height").TextOf());
        if (n is null) return shape with { Broken = true };
        if (n[2] < 0 || n[3] < 0) desk.Fault(DataProblemKind.NegativeSize, shape.Record, "width", "or height is below 0.");
        return shape with
        {
            Box = new Box(n[0] / 100 * image.Width, n[1] / 100 * image.Height, n[2] / 100 * image.Width,
            n[3] / 100 * image.Height)
        };
    }

    private static LabelledShape Outline(JsonElement value, LabelledShape shape, LabelledImage image, FaultDesk desk)
    {
        if (value.Find("points").Points() is not { } points)
        {
            desk.Fault(DataProblemKind.WrongValue, shape.Record, "points", "is not a list of points [x, y].");
            return shape with { Broken = true };
        }
        for (var i = 0; i < points.Length; i++) points[i] = points[i] / 100 * (i % 2 == 0 ? image.Width : image.Height);
        return Polygon(desk, shape, [points]);
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        if (images.SelectMany(i => i.Labels.Shapes)
            .Any(s => s.Segmentation is PolygonSegmentation { Polygons.Count: > 1 })) throw new ArgumentException(
            "an object has several polygons, which Label Studio keeps as objects of their own; write COCO.");
        AtomicFile.Write(path, stream =>
        {
            using var json = new Utf8JsonWriter(stream, JsonFiles.Indented);
            json.WriteStartArray();
            foreach (var (image, labels) in images)
            {
                if (labels.Shapes.Count > 0) Sized(image);
                json.WriteStartObject();
                json.WriteStartObject("data");
                json.WriteString("image",
                    "/data/local-files/?d=" + Uri.EscapeDataString(labels.Name).Replace("%2F", "/", StringComparison.Ordinal));
                if (image is { Width: > 0, Height: > 0 })
                {
                    json.WriteNumber("width", image.Width);
                    json.WriteNumber("height", image.Height);
                }
                json.WriteEndObject();
                json.WriteStartArray(withScores ? "predictions" : "annotations");
                json.WriteStartObject();
                json.WriteStartArray("result");
                foreach (var s in labels.Shapes) WriteShape(json, s, labels);
                json.WriteEndArray();
                json.WriteEndObject();
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    private static void WriteShape(Utf8JsonWriter json, LabelledShape s, LabelledImage image)
    {
        var kind = s.Segmentation is PolygonSegmentation ? "polygonlabels" : "rectanglelabels";
        json.WriteStartObject();
        json.WriteString("from_name", "label");
        json.WriteString("to_name", "image");
        json.WriteString("type", kind);
        json.WriteNumber("original_width", image.Width);
        json.WriteNumber("original_height", image.Height);
        json.WriteNumber("image_rotation", 0);
        json.WriteStartObject("value");
        if (s.Segmentation is PolygonSegmentation { Polygons: [var points] })
        {
            json.WritePropertyName("points");
            JsonFiles.WritePoints(json, [.. points.Select((v, i) => v * 100 / (i % 2 == 0 ? image.Width : image.Height))]);
            json.WriteBoolean("closed", true);
        }
        else
        {
            json.WriteNumber("x", s.Box.X * 100 / image.Width);
            json.WriteNumber("y", s.Box.Y * 100 / image.Height);
            json.WriteNumber("width", s.Box.Width * 100 / image.Width);
            json.WriteNumber("height", s.Box.Height * 100 / image.Height);
            json.WriteNumber("rotation", 0);
        }
        json.WriteStartArray(kind);
        json.WriteStringValue(s.Class);
        json.WriteEndArray();
        json.WriteEndObject();
        if (s.Score is { } score) json.WriteNumber("score", score);
        json.WriteEndObject();
    }
}
