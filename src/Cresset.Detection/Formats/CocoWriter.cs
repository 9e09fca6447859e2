using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>Writes COCO files; a name that ends in <c>.gz</c> gives a compressed one.</summary>
internal static class CocoWriter
{
    private static readonly Dictionary<string, string> NoAttributes = [];
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void WriteGroundTruth(DetectionDataset dataset, string path) => Write(path, json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("info");
        json.WriteEndObject();
        json.WriteStartArray("images");
        foreach (var image in dataset.Images)
        {
            json.WriteStartObject();
            WriteId(json, "id", image.Id, image.Key);
            json.WriteString("file_name", image.FileName);
            json.WriteNumber("width", image.Width);
            json.WriteNumber("height", image.Height);
            WriteIds(json, "neg_category_ids", image.NegativeCategoryIds);
            WriteIds(json, "not_exhaustive_category_ids", image.NotExhaustiveCategoryIds);
            foreach (var (name, value) in image.Attributes ?? NoAttributes) json.WriteString(name, value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("annotations");
        var renumber = MustRenumber(dataset.Objects);
        for (var i = 0; i < dataset.Objects.Length; i++) WriteObject(json, dataset, dataset.Objects[i], renumber ? i + 1
            : dataset.Objects[i].Id);
        json.WriteEndArray();
        json.WriteStartArray("categories");
        foreach (var category in dataset.Categories)
        {
            json.WriteStartObject();
            WriteId(json, "id", category.Id, category.Key);
            json.WriteString("name", category.Name);
            if (category.Supercategory.Length > 0) json.WriteString("supercategory", category.Supercategory);
            if (category.Frequency.Length > 0) json.WriteString("frequency", category.Frequency);
            if (category.KeypointNames is { } points)
            {
                json.WriteStartArray("keypoints");
                foreach (var point in points) json.WriteStringValue(point);
                json.WriteEndArray();
            }
            if (category.KeypointSigmas is { } sigmas) WriteNumbers(json, "sigmas", [.. sigmas]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });

    public static void WriteResults(DetectionResults results, string path, DetectionDataset? dataset) => Write(path, json =>
    {
        json.WriteStartArray();
        foreach (var d in results.Items)
        {
            json.WriteStartObject();
            WriteId(json, "image_id", d.ImageId, dataset?.FindImage(d.ImageId)?.Key);
            WriteId(json, "category_id", d.CategoryId, dataset?.FindCategory(d.CategoryId)?.Key);
            if (d.HasBox) WriteBox(json, d.Box);
            WriteSegmentation(json, d.Shape?.Segmentation);
            WriteNumbers(json, "keypoints", d.Shape?.Keypoints);
            if (double.IsFinite(d.Score)) json.WriteNumber("score", d.Score);
            else throw new ArgumentException($"a score is {d.Score}; JSON holds finite numbers only.", nameof(results));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void Write(string path, Action<Utf8JsonWriter> write) => AtomicFile.Write(path, stream =>
    {
        var gzip = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            ? new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true) : null;
        using (var json = new Utf8JsonWriter(gzip ?? stream, Plain)) write(json);
        gzip?.Dispose();
    });

    /// <summary>Objects made in memory need no ids; in a file each needs its own.</summary>
    private static bool MustRenumber(ReadOnlySpan<GroundTruthObject> objects)
    {
        var ids = new HashSet<long>();
        foreach (ref readonly var o in objects)
        {
            if (o.FromFile) continue;
            if (o.Id == 0 || !ids.Add(o.Id)) return true;
        }
        return false;
    }

    private static void WriteId(Utf8JsonWriter json, string name, long id, string? key)
    {
        if (key is null) json.WriteNumber(name, id);
        else json.WriteString(name, key);
    }

    private static void WriteObject(Utf8JsonWriter json, DetectionDataset dataset, in GroundTruthObject o, long id)
    {
        json.WriteStartObject();
        WriteId(json, "id", id, dataset.ObjectKeys?.GetValueOrDefault(id));
        WriteId(json, "image_id", o.ImageId, dataset.FindImage(o.ImageId)?.Key);
        WriteId(json, "category_id", o.CategoryId, dataset.FindCategory(o.CategoryId)?.Key);
        WriteBox(json, o.Box);
        json.WriteNumber("area", o.Area);
        json.WriteNumber("iscrowd", o.IsCrowd ? 1 : 0);
        if (o.IsIgnored) json.WriteNumber("ignore", 1);
        if (o.IsDifficult) json.WriteNumber("difficult", 1);
        if (o.IsGroupOf) json.WriteBoolean("is_group_of", true);
        WriteSegmentation(json, o.Segmentation);
        WriteNumbers(json, "keypoints", o.Keypoints);
        if (o.Keypoints is not null) json.WriteNumber("num_keypoints", o.KeypointCount);
        json.WriteEndObject();
    }

    private static void WriteBox(Utf8JsonWriter json, Box b) => WriteNumbers(json, "bbox", [b.X, b.Y, b.Width, b.Height]);

    private static void WriteNumbers(Utf8JsonWriter json, string name, double[]? values)
    {
        if (values is null) return;
        json.WriteStartArray(name);
        foreach (var v in values) json.WriteNumberValue(v);
        json.WriteEndArray();
    }

    private static void WriteIds(Utf8JsonWriter json, string name, IReadOnlyList<long>? ids)
    {
        if (ids is null) return;
        json.WriteStartArray(name);
        foreach (var id in ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    private static void WriteSegmentation(Utf8JsonWriter json, Segmentation? segmentation)
    {
        if (segmentation is RunLengthSegmentation { Mask: var mask })
        {
            json.WriteStartObject("segmentation");
            json.WriteStartArray("size");
            json.WriteNumberValue(mask.Height);
            json.WriteNumberValue(mask.Width);
            json.WriteEndArray();
            json.WriteString("counts", mask.ToCompressedText());
            json.WriteEndObject();
        }
        else if (segmentation is PolygonSegmentation polygons)
        {
            json.WriteStartArray("segmentation");
            foreach (var polygon in polygons.Polygons)
            {
                json.WriteStartArray();
                foreach (var v in polygon) json.WriteNumberValue(v);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
    }
}
