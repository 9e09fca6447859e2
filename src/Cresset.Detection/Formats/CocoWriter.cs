using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>Writes COCO files; a name that ends in <c>.gz</c> gives a compressed one.</summary>
internal static class CocoWriter
{
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
            json.WriteNumber("id", image.Id);
            json.WriteString("file_name", image.FileName);
            json.WriteNumber("width", image.Width);
            json.WriteNumber("height", image.Height);
            WriteIds(json, "neg_category_ids", image.NegativeCategoryIds);
            WriteIds(json, "not_exhaustive_category_ids", image.NotExhaustiveCategoryIds);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("annotations");
        foreach (var o in dataset.Objects) WriteObject(json, o);
        json.WriteEndArray();
        json.WriteStartArray("categories");
        foreach (var category in dataset.Categories)
        {
            json.WriteStartObject();
            json.WriteNumber("id", category.Id);
            json.WriteString("name", category.Name);
            if (category.Supercategory.Length > 0) json.WriteString("supercategory", category.Supercategory);
            if (category.Frequency.Length > 0) json.WriteString("frequency", category.Frequency);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });

    public static void WriteResults(DetectionResults results, string path) => Write(path, json =>
    {
        json.WriteStartArray();
        foreach (var d in results.Items)
        {
            json.WriteStartObject();
            json.WriteNumber("image_id", d.ImageId);
            json.WriteNumber("category_id", d.CategoryId);
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
        var gzip = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true) : null;
        using (var json = new Utf8JsonWriter(gzip ?? stream, Plain)) write(json);
        gzip?.Dispose();
    });

    private static void WriteObject(Utf8JsonWriter json, in GroundTruthObject o)
    {
        json.WriteStartObject();
        json.WriteNumber("id", o.Id);
        json.WriteNumber("image_id", o.ImageId);
        json.WriteNumber("category_id", o.CategoryId);
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
