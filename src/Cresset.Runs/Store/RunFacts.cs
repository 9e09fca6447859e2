using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Runs;

/// <summary>
/// What <c>run.json</c> in a run's folder says: everything the store knows of the run but its series, pictures and texts, which the event
/// files hold. With it a folder that was copied elsewhere, or whose store was lost, is a run again.
/// </summary>
internal sealed record RunFacts
{
    public const string FileName = "run.json";
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    public required string Name { get; init; }

    public required string Kind { get; init; }

    public required string Status { get; init; }

    public required DateTime Created { get; init; }

    public DateTime? Ended { get; init; }

    public TimeSpan ActiveTime { get; init; }

    public int Sessions { get; init; } = 1;

    public string Host { get; init; } = "";

    public string Note { get; init; } = "";

    public string Message { get; init; } = "";

    public bool Archived { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, double>> Summary { get; init; } = [];

    public IReadOnlyDictionary<string, string> Config { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Pairs as an indented JSON object.</summary>
    public static string TextOf(IReadOnlyDictionary<string, string> pairs)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Indented))
        {
            json.WriteStartObject();
            foreach (var (key, value) in pairs) json.WriteString(key, value);
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    public void Write(string folder) => AtomicFile.Write(Path.Combine(folder, FileName), stream =>
    {
        using var json = new Utf8JsonWriter(stream, Indented);
        json.WriteStartObject();
        json.WriteString("name", Name);
        json.WriteString("kind", Kind);
        json.WriteString("status", Status);
        json.WriteString("created", Created);
        if (Ended is { } ended) json.WriteString("ended", ended);
        json.WriteNumber("active_seconds", ActiveTime.TotalSeconds);
        json.WriteNumber("sessions", Sessions);
        json.WriteString("host", Host);
        json.WriteString("note", Note);
        json.WriteString("message", Message);
        json.WriteBoolean("archived", Archived);
        json.WriteStartArray("tags");
        foreach (var tag in Tags) json.WriteStringValue(tag);
        json.WriteEndArray();
        json.WriteStartObject("summary");
        foreach (var (name, value) in Summary)
        {
            // Values that JSON has no number for are texts.
            if (double.IsFinite(value)) json.WriteNumber(name, value);
            else json.WriteString(name, value.ToString("R", System.Globalization.CultureInfo.InvariantCulture));
        }
        json.WriteEndObject();
        Pairs("config", Config);
        Pairs("environment", Environment);
        json.WriteEndObject();

        void Pairs(string name, IReadOnlyDictionary<string, string> pairs)
        {
            json.WriteStartObject(name);
            foreach (var (key, value) in pairs) json.WriteString(key, value);
            json.WriteEndObject();
        }
    });

    /// <summary>The facts of a folder; null when it has none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static RunFacts? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            return new RunFacts
            {
                Name = root.GetProperty("name").GetString()!,
                Kind = root.GetProperty("kind").GetString()!,
                Status = root.GetProperty("status").GetString()!,
                Created = root.GetProperty("created").GetDateTime().ToUniversalTime(),
                Ended = root.TryGetProperty("ended", out var ended) ? ended.GetDateTime().ToUniversalTime() : null,
                ActiveTime = TimeSpan.FromSeconds(root.GetProperty("active_seconds").GetDouble()),
                Sessions = root.GetProperty("sessions").GetInt32(),
                Host = root.GetProperty("host").GetString()!,
                Note = root.GetProperty("note").GetString()!,
                Message = root.GetProperty("message").GetString()!,
                Archived = root.GetProperty("archived").GetBoolean(),
                Tags = [.. root.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()!)],
                Summary = [.. root.GetProperty("summary").EnumerateObject().Select(p => KeyValuePair.Create(p.Name, Number(p.Value)))],
                Config = Pairs(root.GetProperty("config")),
                Environment = Pairs(root.GetProperty("environment")),
            } is { Name: not null, Kind: not null } facts && Enum.TryParse<RunStatus>(facts.Status, ignoreCase: true, out _)
                ? facts
                : throw new InvalidDataException($"{path} is damaged: name, kind or status is missing.");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }

        static double Number(JsonElement value) => value.ValueKind == JsonValueKind.String
            ? double.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture)
            : value.GetDouble();

        static Dictionary<string, string> Pairs(JsonElement value) =>
            value.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString() ?? "");
    }

    /// <summary>
    /// What can be said of a folder without facts, which an earlier version made: name and beginning stand in its own name.
    /// </summary>
    public static RunFacts Guess(string folder)
    {
        var id = Path.GetFileName(folder);
        var parts = id.Split('-');
        var (name, created) = (id, Directory.GetCreationTimeUtc(folder));
        if (parts.Length >= 4 && DateTime.TryParseExact(
            $"{parts[^3]}-{parts[^2]}", "yyyyMMdd-HHmmss", System.Globalization.CultureInfo.InvariantCulture,
            System.Globalization.DateTimeStyles.AssumeUniversal | System.Globalization.DateTimeStyles.AdjustToUniversal, out var time))
        {
            (name, created) = (string.Join('-', parts[..^3]), time);
        }
        return new RunFacts
        {
            Name = name,
            Kind = "train",
            Status = "stopped",
            Created = created,
            Ended = created,
            Message = "Taken in from its folder, which holds no run.json."
        };
    }
}
