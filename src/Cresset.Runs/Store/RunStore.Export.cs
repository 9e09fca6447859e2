using System.Globalization;
using System.Text.Json;

namespace Cresset.Runs;

public sealed partial class RunStore
{
    /// <summary>
    /// Writes all points of a run as CSV with the columns <c>tag,step,wall_time,value</c>; times in seconds since 1970, numbers so that
    /// they read back exactly.
    /// </summary>
    public void ExportCsv(string id, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write("tag,step,wall_time,value\n");
        foreach (var series in Series(id))
        {
            var tag = Quote(series.Tag);
            foreach (var point in ReadSeries(id, series.Tag))
            {
                writer.Write(
                    string.Create(CultureInfo.InvariantCulture,
                        $"{tag},{point.Step},{point.WallTime / 1_000_000}.{point.WallTime % 1_000_000:D6},{Number(point.Value)}\n"));
            }
        }
    }

    /// <summary>
    /// Writes a run as one JSON object: what <see cref="Get"/> tells, <c>config</c>, <c>environment</c>, <c>series</c> (by tag the arrays
    /// <c>step</c>, <c>wall_time</c> in seconds, <c>value</c>), <c>pictures</c>, <c>texts</c>. Values that JSON has no number for are the
    /// texts
    /// "NaN", "Infinity", "-Infinity".
    /// </summary>
    public void ExportJson(string id, Stream stream)
    {
        var run = Get(id);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("id", run.Id);
        json.WriteString("name", run.Name);
        json.WriteString("kind", run.Kind);
        json.WriteString("status", run.Status.ToString().ToLowerInvariant());
        json.WriteString("created", run.Created);
        if (run.Ended is { } ended) json.WriteString("ended", ended);
        json.WriteNumber("active_seconds", run.ActiveTime.TotalSeconds);
        json.WriteString("note", run.Note);
        json.WriteString("message", run.Message);
        WriteArray("tags", run.Tags, json.WriteStringValue);
        WriteObject("summary", run.Summary, value => WriteNumber(json, value));
        WriteObject("config", Config(id), json.WriteStringValue);
        WriteObject("environment", EnvironmentOf(id), json.WriteStringValue);
        json.WriteStartObject("series");
        foreach (var series in Series(id))
        {
            var points = ReadSeries(id, series.Tag);
            json.WriteStartObject(series.Tag);
            WriteArray("step", points, point => json.WriteNumberValue(point.Step));
            WriteArray("wall_time", points, point => json.WriteNumberValue(point.WallTime / 1e6m));
            WriteArray("value", points, point => WriteNumber(json, point.Value));
            json.WriteEndObject();
        }
        json.WriteEndObject();
        WriteArray("pictures", Pictures(id), picture =>
        {
            json.WriteStartObject();
            json.WriteString("tag", picture.Tag);
            json.WriteNumber("step", picture.Step);
            json.WriteString("file", Path.GetRelativePath(run.Folder, picture.Path));
            json.WriteString("caption", picture.Caption);
            json.WriteEndObject();
        });
        WriteArray("texts", Texts(id), text =>
        {
            json.WriteStartObject();
            json.WriteString("tag", text.Tag);
            json.WriteNumber("step", text.Step);
            json.WriteString("text", text.Text);
            json.WriteEndObject();
        });
        json.WriteEndObject();

        void WriteArray<T>(string name, IEnumerable<T> items, Action<T> write)
        {
            json.WriteStartArray(name);
            foreach (var item in items) write(item);
            json.WriteEndArray();
        }

        void WriteObject<T>(string name, IReadOnlyDictionary<string, T> pairs, Action<T> write)
        {
            json.WriteStartObject(name);
            foreach (var (key, value) in pairs)
            {
                json.WritePropertyName(key);
                write(value);
            }
            json.WriteEndObject();
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(value);
        else json.WriteStringValue(Number(value));
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Quote(string text)
        => text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
