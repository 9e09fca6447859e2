using System.Text.Json;

namespace Cresset.Diffusion;

/// <summary>
/// The JSON files of a diffusers folder and their fields: a value in another form than its own is refused by name.
/// </summary>
internal static class ConfigJson
{
    public static JsonElement Read(string path)
    {
        if (!File.Exists(path)) throw new InvalidDataException($"{path} is not there.");
        try
        {
            using var document = JsonDocument.Parse(WithoutMark(File.ReadAllBytes(path)));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone()
                : throw new InvalidDataException($"{path} holds no JSON object.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} is not valid JSON: {error.Message}", error);
        }
    }

    // A byte order mark is not part of JSON; editors of some systems write one.
    private static ReadOnlyMemory<byte> WithoutMark(byte[] bytes) => bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsMemory(3) : bytes;

    /// <summary>Refuses the config of another class of model by name.</summary>
    public static void Kind(JsonElement c, string path, string expected)
    {
        if (Text(c, "_class_name") is { } actual && actual != expected)
            throw new InvalidDataException(
                $"{path} describes a {actual}; expected {expected}. This is the checkpoint of another kind of model.");
    }

    public static int Int(JsonElement c, string name, int otherwise)
        => !c.TryGetProperty(name, out var value) || !Is(value, JsonValueKind.Number, name, "a whole number") ? otherwise
            : value.TryGetInt32(out var number) ? number : throw Wrong(value, name, "a whole number");

    public static double Number(JsonElement c, string name, double otherwise)
        => c.TryGetProperty(name, out var value) && Is(value, JsonValueKind.Number, name, "a number") ? value.GetDouble() : otherwise;

    public static bool Flag(JsonElement c, string name, bool otherwise)
        => c.TryGetProperty(name, out var value) && (value.ValueKind is JsonValueKind.True
            || Is(value, JsonValueKind.False, name, "true or false")) ? value.GetBoolean() : otherwise;

    // A value in another form than its own, such as "3.0", would otherwise be the default without a word.
    private static bool Is(JsonElement value, JsonValueKind kind, string name, string wanted)
        => value.ValueKind == kind || (value.ValueKind == JsonValueKind.Null ? false : throw Wrong(value, name, wanted));

    private static InvalidDataException Wrong(JsonElement value, string name, string wanted)
        => new($"The field '{name}' of a configuration is {value.GetRawText()}; {wanted} is needed.");

    public static string? Text(JsonElement c, string name)
        => c.TryGetProperty(name, out var value) && Is(value, JsonValueKind.String, name, "a text") ? value.GetString() : null;

    /// <summary>A list of whole numbers; null where it is not given.</summary>
    public static IReadOnlyList<int>? Ints(JsonElement c, string name)
    {
        if (!c.TryGetProperty(name, out var value) || !Is(value, JsonValueKind.Array, name, "a list of whole numbers")) return null;
        return [.. value.EnumerateArray().Select(x => x.ValueKind == JsonValueKind.Number && x.TryGetInt32(out var number) ? number
            : throw Wrong(value, name, "a list of whole numbers"))];
    }
}
