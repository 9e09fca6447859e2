using System.Text.Json;

namespace Cresset.Nn;

/// <summary>Values by their names, with the file in every message.</summary>
internal readonly record struct FolderConfig(JsonElement Root, string Path)
{
    public bool Has(string name) =>
        Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    public bool Names(string name) => Root.ValueKind == JsonValueKind.Object && Root.TryGetProperty(name, out _);

    public FolderConfig Inner(string name) => Root.GetProperty(name) is { ValueKind: JsonValueKind.Object } inner ? new(inner, Path)
        : throw new InvalidDataException($"{Path}: '{name}' is {Root.GetProperty(name).GetRawText()}; a map is needed.");

    public string? Optional(string name) =>
        !Has(name) ? null : Root.GetProperty(name) is { ValueKind: JsonValueKind.String } value ? value.GetString()
            : throw new InvalidDataException($"{Path}: '{name}' is not text.");

    public string Text(string name) => Optional(name) ?? throw new InvalidDataException($"{Path} lacks the text '{name}'.");

    public long Number(string name, long? otherwise = null)
    {
        if (!Has(name) && otherwise is { } value) return value;
        return Has(name) && Root.GetProperty(name) is { ValueKind: JsonValueKind.Number } given && given.TryGetInt64(out var number)
            && number is > 0 and <= int.MaxValue
            ? number
            : throw new InvalidDataException($"{Path} lacks '{name}', a whole number from 1 on.");
    }

    public double Real(string name, double otherwise)
    {
        if (!Has(name)) return otherwise;
        return Root.GetProperty(name) is { ValueKind: JsonValueKind.Number } given ? given.GetDouble()
            : throw new InvalidDataException($"{Path}: '{name}' is not a number.");
    }

    public bool Flag(string name, bool otherwise)
    {
        if (!Has(name)) return otherwise;
        return Root.GetProperty(name).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new InvalidDataException($"{Path}: '{name}' is neither true nor false."),
        };
    }

    /// <summary>Reads a file; the caller disposes what it holds.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static JsonDocument Parse(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            return JsonDocument.Parse(bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsMemory(3) : bytes);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }
    }
}
