using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cresset.Detection;

/// <summary>The report as JSON, schema <c>cresset-detection-report/1</c>; what is not defined is null.</summary>
internal static class ReportJson
{
    public const string Schema = "cresset-detection-report/1";

    public static void Write(DetectionReport report, Stream stream)
    {
        using var json = new Utf8JsonWriter(stream,
            new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        report.Summary.WriteHead(json);
        WriteClasses(json, report);
        WriteSlices(json, report);
        WriteErrors(json, report);
        WriteConfusion(json, report);
        WriteCalibration(json, report);
        json.WriteStartObject("lrp");
        Number(json, "mean", report.LocalizationErrors.Count == 0 ? double.NaN : report.LocalizationErrors.Average(l => l.Error));
        json.WriteStartArray("classes");
        foreach (var l in report.LocalizationErrors)
        {
            json.WriteStartObject();
            json.WriteNumber("id", l.Id);
            json.WriteString("name", l.Name);
            Number(json, "error", l.Error);
            Number(json, "localization", l.Localization);
            Number(json, "false", l.FalseShare);
            Number(json, "missed", l.MissedShare);
            Number(json, "threshold", l.Threshold);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartArray("label_errors");
        foreach (var c in report.LabelErrors)
        {
            json.WriteStartObject();
            json.WriteString("kind", JsonNamingPolicy.SnakeCaseLower.ConvertName(c.Kind.ToString()));
            json.WriteNumber("image", c.Image.Id);
            json.WriteString("file_name", c.Image.FileName);
            json.WriteString("detected", report.Dataset.CategoryName(c.Detection.CategoryId));
            Number(json, "score", c.Detection.Score);
            if (c.Object is { } o) json.WriteString("labelled", report.Dataset.CategoryName(o.CategoryId));
            else json.WriteNull("labelled");
            Number(json, "iou", c.Iou);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("worst_images");
        foreach (var m in report.Worst)
        {
            json.WriteStartObject();
            json.WriteNumber("id", m.Image.Id);
            json.WriteString("file_name", m.Image.FileName);
            json.WriteNumber("errors", m.Errors);
            json.WriteNumber("hits", m.Hits);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static string KindName(IouKind kind) => kind switch
    {
        IouKind.Box => "bbox",
        IouKind.Mask => "segm",
        IouKind.Keypoints => "keypoints",
        IouKind.Oriented => "obb",
        _ => "boundary",
    };

    private static void WriteClasses(Utf8JsonWriter json, DetectionReport report)
    {
        json.WriteStartArray("classes");
        var scores = report.Summary.Classes.ToDictionary(c => c.Id);
        foreach (var c in report.Classes)
        {
            json.WriteStartObject();
            ScoreSummary.WriteClass(json, scores.GetValueOrDefault(c.Id) ?? new ClassScore(c.Id, c.Name, c.Objects, c.Ap, []));
            json.WriteNumber("detections", c.Detections);
            Number(json, "ap_at_iou", c.ApAtIou);
            Point(json, "best_f1", c.Best);
            Point(json, "precision_90", c.AtHighPrecision);
            json.WriteStartObject("curve");
            var (recall, precision, at) = Thin(c.Curve, 200);
            Numbers(json, "recall", recall);
            Numbers(json, "precision", precision);
            Numbers(json, "score", at);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteSlices(Utf8JsonWriter json, DetectionReport report)
    {
        json.WriteStartArray("slices");
        foreach (var s in report.Slices)
        {
            json.WriteStartObject();
            json.WriteString("by", s.Group);
            json.WriteString("name", s.Name);
            json.WriteNumber("objects", s.Objects);
            Number(json, "ap", s.Ap < 0 ? double.NaN : s.Ap);
            Number(json, "ar", s.Ar < 0 ? double.NaN : s.Ar);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteErrors(Utf8JsonWriter json, DetectionReport report)
    {
        if (report.Errors is not { } errors)
        {
            json.WriteNull("errors");
            return;
        }
        json.WriteStartObject("errors");
        Number(json, "ap", errors.Ap);
        foreach (var kind in errors.Counts.Keys)
        {
            json.WriteStartObject(JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString()));
            json.WriteNumber("count", errors.Counts[kind]);
            Number(json, "ap_gain", errors.Deltas[kind]);
            json.WriteEndObject();
        }
        Number(json, "false_positives_ap_gain", errors.FalsePositiveDelta);
        Number(json, "false_negatives_ap_gain", errors.FalseNegativeDelta);
        json.WriteEndObject();
    }

    private static void WriteConfusion(Utf8JsonWriter json, DetectionReport report)
    {
        var n = report.Confusion.CategoryIds.Count + 1;
        json.WriteStartObject("confusion");
        Number(json, "min_score", report.MinScore);
        json.WriteStartArray("classes");
        foreach (var name in report.Confusion.CategoryNames) json.WriteStringValue(name);
        json.WriteStringValue("background");
        json.WriteEndArray();
        json.WriteStartArray("counts");
        for (var i = 0; i < n; i++)
        {
            json.WriteStartArray();
            for (var j = 0; j < n; j++) json.WriteNumberValue(report.Confusion[i, j]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteCalibration(Utf8JsonWriter json, DetectionReport report)
    {
        json.WriteStartObject("calibration");
        Number(json, "expected_error", report.Calibration.Expected);
        Number(json, "maximum_error", report.Calibration.Maximum);
        json.WriteStartArray("bins");
        foreach (var b in report.Calibration.Bins)
        {
            json.WriteStartObject();
            Number(json, "from", b.From);
            Number(json, "to", b.To);
            json.WriteNumber("count", b.Count);
            Number(json, "confidence", b.Confidence);
            Number(json, "accuracy", b.Accuracy);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Point(Utf8JsonWriter json, string name, OperatingPoint? point)
    {
        if (point is null)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        Number(json, "threshold", point.Threshold);
        Number(json, "precision", point.Precision);
        Number(json, "recall", point.Recall);
        Number(json, "f1", point.FScore);
        json.WriteEndObject();
    }

    internal static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }

    internal static void Numbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartArray(name);
        foreach (var v in values)
        {
            if (double.IsFinite(v)) json.WriteNumberValue(v);
            else json.WriteNullValue();
        }
        json.WriteEndArray();
    }

    /// <summary>Up to the given number of places of a curve: its hits, evenly thinned, and the end.</summary>
    internal static (double[] Recall, double[] Precision, double[] Scores) Thin(RankedCurve curve, int limit)
    {
        var hits = Enumerable.Range(0, curve.Scores.Count).Where(i => curve.Hits[i] > 0 || i == curve.Scores.Count - 1).ToArray();
        var kept = hits.Length <= limit ? hits
            : [.. Enumerable.Range(0, limit).Select(i => hits[(long)i * (hits.Length - 1) / (limit - 1)])];
        return (Array.ConvertAll(kept, i => curve.Recall[i]), Array.ConvertAll(kept, i => curve.Precision[i]),
            Array.ConvertAll(kept, i => curve.Scores[i]));
    }
}
