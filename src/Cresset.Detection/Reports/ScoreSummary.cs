using System.Text.Encodings.Web;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>One class of a score.</summary>
/// <param name="Id">Category.</param>
/// <param name="Name">Its name.</param>
/// <param name="Objects">Objects that count; NaN where the protocol does not say.</param>
/// <param name="Ap">Mean of the defined APs; NaN when there is none.</param>
/// <param name="ApByIou">AP at each IoU threshold; NaN where it is not defined.</param>
public sealed record ClassScore(long Id, string Name, double Objects, double Ap, IReadOnlyList<double> ApByIou);

/// <summary>
/// The numbers of a score without its data: what is printed, kept as a baseline and judged by gates. It is written as the first part of the
/// JSON of a report, and read back from it. What is not defined is NaN here and null in the file.
/// </summary>
public sealed record ScoreSummary
{
    /// <summary>Name of the protocol.</summary>
    public required string Protocol { get; init; }

    /// <summary>bbox, segm, keypoints or boundary.</summary>
    public required string IouType { get; init; }

    /// <summary>File of the ground truth; may be empty.</summary>
    public string GroundTruth { get; init; } = "";

    /// <summary>File of the detections; may be empty.</summary>
    public string Results { get; init; } = "";

    /// <summary>
    /// What tells the objects of the ground truth from others; null in files of earlier versions.
    /// </summary>
    public string? GroundTruthFingerprint { get; init; }

    /// <summary>
    /// What else the numbers depend on, where it is not what the protocol's tool takes (<c>class_agnostic</c>, <c>area_ranges</c> ...);
    /// null in files of earlier versions.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }

    /// <summary>Number of images.</summary>
    public int Images { get; init; }

    /// <summary>Number of objects.</summary>
    public int Objects { get; init; }

    /// <summary>Number of detections.</summary>
    public int Detections { get; init; }

    /// <summary>IoU thresholds.</summary>
    public IReadOnlyList<double> IouThresholds { get; init; } = [];

    /// <summary>The protocol's own numbers.</summary>
    public required IReadOnlyList<ProtocolStatistic> Statistics { get; init; }

    /// <summary>Confidence intervals; empty when none were asked for.</summary>
    public IReadOnlyList<IntervalEstimate> Intervals { get; init; } = [];

    /// <summary>Classes, ascending by id.</summary>
    public required IReadOnlyList<ClassScore> Classes { get; init; }

    /// <summary>The numbers of a result.</summary>
    public static ScoreSummary Of(ProtocolResult result, ProtocolOptions options, DetectionDataset dataset, DetectionResults results,
        IReadOnlyList<IntervalEstimate>? intervals = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        return new ScoreSummary
        {
            Protocol = DetectionProtocols.NameOf(result.Protocol),
            IouType = ReportJson.KindName(options.Kind),
            GroundTruth = dataset.Source,
            Results = results.Source,
            GroundTruthFingerprint = dataset.Fingerprint(),
            Settings = options.Settings(),
            Images = dataset.Images.Count,
            Objects = dataset.Objects.Length,
            Detections = results.Items.Length,
            IouThresholds = result.IouThresholds,
            Statistics = [.. result.Statistics.Select(s => s with { Value = Defined(s.Value) })],
            Intervals = [.. (intervals ?? []).Where(i => i.Value >= 0)],
            Classes = [.. result.Classes.Select(c => new ClassScore(c.Id, c.Name, c.Positives, c.MeanAp, [.. c.Ap.Select(Defined)]))],
        };
    }

    /// <summary>
    /// A number by its name: a statistic (<c>AP</c>, <c>mAP50</c>), or one of a class (<c>AP/person</c>, <c>AP50/person</c>).
    /// NaN where it is not defined.
    /// </summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists what there is.</exception>
    public double ValueOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (var s in Statistics)
        {
            if (s.Name == name) return s.Value;
        }
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0) throw new ArgumentException(
            $"'{name}' is not a statistic of {Protocol}; it has {string.Join(", ", Statistics.Select(s => s.Name))}, and AP/CLASS.",
            nameof(name));
        var (statistic, wanted) = (name[..slash], name[(slash + 1)..]);
        var found = Classes.Where(c => c.Name == wanted).ToArray();
        if (found.Length != 1) throw new ArgumentException(
            $"'{name}': {(found.Length == 0 ? "there is no class" : "several classes are")} named '{wanted}'.", nameof(name));
        if (statistic is "AP" or "mAP") return found[0].Ap;
        for (var t = 0; t < IouThresholds.Count; t++)
        {
            var percent = (IouThresholds[t] * 100).ToString("0.##", System.Globalization.CultureInfo.InvariantCulture);
            if (statistic == "AP" + percent || statistic == "mAP" + percent) return found[0].ApByIou[t];
        }
        throw new ArgumentException($"'{name}': a class has AP and the AP at each IoU threshold, such as AP50; not {statistic}.",
            nameof(name));
    }

    /// <summary>Writes the JSON.</summary>
    public void Write(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream,
            new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("classes");
        foreach (var c in Classes)
        {
            json.WriteStartObject();
            WriteClass(json, c);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes the JSON to a file.</summary>
    public void Write(string path) => AtomicFile.Write(path, Write);

    /// <summary>Reads what <see cref="Write(string)"/> or a report wrote.</summary>
    /// <exception cref="InvalidDataException">The file is not such JSON.</exception>
    public static ScoreSummary Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 32 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("schema", out var schema)
                || schema.GetString() != ReportJson.Schema)
            {
                throw new InvalidDataException(
                    $"{path} is not a score of the schema {ReportJson.Schema}; write one with 'cresset detect eval --report base.json', or "
                        + $"--json.");
            }
            return new ScoreSummary
            {
                Protocol = root.GetProperty("protocol").GetString()!,
                IouType = root.GetProperty("iou_type").GetString()!,
                GroundTruth = root.GetProperty("ground_truth").GetString() ?? "",
                Results = root.GetProperty("results").GetString() ?? "",
                GroundTruthFingerprint = root.TryGetProperty("ground_truth_fingerprint", out var print) ? print.GetString() : null,
                Settings = root.TryGetProperty("settings", out var settings)
                    ? settings.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString() ?? "") : null,
                Images = root.GetProperty("images").GetInt32(),
                Objects = root.GetProperty("objects").GetInt32(),
                Detections = root.GetProperty("detections").GetInt32(),
                IouThresholds = root.TryGetProperty("iou_thresholds", out var t) ? Numbers(t) : [],
                Statistics = [.. root.GetProperty("statistics").EnumerateObject()
                    .Select(p => new ProtocolStatistic(p.Name, Number(p.Value)))],
                Classes = [.. root.GetProperty("classes").EnumerateArray().Select(c => new ClassScore(
                    c.GetProperty("id").GetInt64(),
                    c.GetProperty("name").GetString() ?? "",
                    Number(c.GetProperty("objects")),
                    Number(c.GetProperty("ap")),
                    c.TryGetProperty("ap_by_iou", out var by) ? Numbers(by) : []))],
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path} is not a score of the schema {ReportJson.Schema}: {e.Message}", e);
        }
    }

    internal void WriteHead(Utf8JsonWriter json)
    {
        json.WriteString("schema", ReportJson.Schema);
        json.WriteString("protocol", Protocol);
        json.WriteString("iou_type", IouType);
        json.WriteString("ground_truth", GroundTruth);
        json.WriteString("results", Results);
        if (GroundTruthFingerprint is { } print) json.WriteString("ground_truth_fingerprint", print);
        if (Settings is { } settings)
        {
            json.WriteStartObject("settings");
            foreach (var (name, value) in settings) json.WriteString(name, value);
            json.WriteEndObject();
        }
        json.WriteNumber("images", Images);
        json.WriteNumber("objects", Objects);
        json.WriteNumber("detections", Detections);
        ReportJson.Numbers(json, "iou_thresholds", IouThresholds);
        json.WriteStartObject("statistics");
        foreach (var s in Statistics) ReportJson.Number(json, s.Name, s.Value);
        json.WriteEndObject();
        json.WriteStartObject("intervals");
        foreach (var i in Intervals)
        {
            json.WriteStartObject(i.Name);
            ReportJson.Number(json, "low", i.Low);
            ReportJson.Number(json, "high", i.High);
            ReportJson.Number(json, "standard_error", i.StandardError);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    internal static void WriteClass(Utf8JsonWriter json, ClassScore c)
    {
        json.WriteNumber("id", c.Id);
        json.WriteString("name", c.Name);
        ReportJson.Number(json, "objects", c.Objects);
        ReportJson.Number(json, "ap", c.Ap);
        ReportJson.Numbers(json, "ap_by_iou", c.ApByIou);
    }

    private static double Defined(double value) => value < 0 ? double.NaN : value;

    private static double Number(JsonElement e) => e.ValueKind == JsonValueKind.Null ? double.NaN : e.GetDouble();

    private static double[] Numbers(JsonElement e) => [.. e.EnumerateArray().Select(Number)];
}
