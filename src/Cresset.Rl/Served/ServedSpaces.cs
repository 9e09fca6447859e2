using System.Globalization;
using System.Text.Json;

namespace Cresset.Rl;

/// <summary>Spaces as a server describes them: <c>{"kind": "box", "low": [0, null], "high": 1, "shape": [2]}</c>.</summary>
internal static class ServedSpaces
{
    private static readonly Dictionary<string, string[]> Keys = new(StringComparer.Ordinal)
    {
        ["box"] = ["kind", "low", "high", "shape"],
        ["discrete"] = ["kind", "n", "start"],
        ["multi_discrete"] = ["kind", "counts", "starts"],
        ["multi_binary"] = ["kind", "n"],
    };

    /// <summary>A <see cref="Space{T}"/> of float, int or sbyte.</summary>
    /// <exception cref="ArgumentException">It is none of the known ones.</exception>
    public static object Read(JsonElement space, string key)
    {
        if (space.ValueKind != JsonValueKind.Object || !space.TryGetProperty("kind", out var named)
            || named.ValueKind != JsonValueKind.String || !Keys.TryGetValue(named.GetString()!, out var known))
        {
            throw new ArgumentException(
                $"{key} is {Short(space)}; an object with kind box, discrete, multi_discrete or multi_binary is expected.");
        }
        foreach (var property in space.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                throw new ArgumentException($"{key} has the unknown key '{property.Name}'; a {named} has {string.Join(", ", known)}.");
        }
        return named.GetString() switch
        {
            "box" => Box(space, key),
            "discrete" =>
                new Discrete(Whole(Number(space, key, "n"), $"{key}.n", 1),
                    space.TryGetProperty("start", out var start) ? Whole(start.GetDouble(), $"{key}.start", int.MinValue) : 0),
            "multi_discrete" => new MultiDiscrete(Wholes(space, key, "counts")!, Wholes(space, key, "starts") ?? []),
            _ => new MultiBinary(Whole(Number(space, key, "n"), $"{key}.n", 1)),
        };
    }

    /// <summary>A whole number that is at least <paramref name="least"/>.</summary>
    public static int Whole(double value, string key, int least)
        => Math.Floor(value) == value && value >= least && value <= int.MaxValue ? (int)value
            : throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"{key} is {value}; a whole number of at least {least} is expected."));

    private static Box Box(JsonElement space, string key)
    {
        var shape = Wholes(space, key, "shape");
        var (low, high) = (Bounds(space, key, "low", float.NegativeInfinity), Bounds(space, key, "high", float.PositiveInfinity));
        var size = shape?.Aggregate(1, (a, b) => checked(a * b)) ?? Math.Max(low.Length, high.Length);
        if (shape is null && low.Length == 1 && high.Length == 1 && !IsArray(space, "low") && !IsArray(space, "high"))
            throw new ArgumentException($"{key} has no shape; give one, or a bound for each value.");
        float[] Each(float[] bounds, string name) =>
            bounds.Length == size ? bounds : bounds.Length == 1 ? [.. Enumerable.Repeat(bounds[0], size)]
            : throw new ArgumentException($"{key}.{name} has {bounds.Length} values; the box has {size}.");
        return new Box(Each(low, "low"), Each(high, "high"), shape ?? [size]);
    }

    private static bool IsArray(JsonElement space, string name) =>
        space.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array;

    private static float[] Bounds(JsonElement space, string key, string name, float none)
    {
        if (!space.TryGetProperty(name, out var value)) return [none];
        var bounds = new List<float>();
        void Add(JsonElement part)
        {
            switch (part.ValueKind)
            {
                case JsonValueKind.Array:
                    foreach (var inner in part.EnumerateArray()) Add(inner);
                    break;
                case JsonValueKind.Null:
                    bounds.Add(none);
                    break;
                case JsonValueKind.Number:
                    bounds.Add(part.GetSingle());
                    break;
                default:
                    throw new ArgumentException($"{key}.{name} holds {Short(part)}; numbers are expected, null for no bound.");
            }
        }

        Add(value);
        return bounds.Count > 0 ? [.. bounds] : throw new ArgumentException($"{key}.{name} is empty.");
    }

    private static double Number(JsonElement space, string key, string name)
        => space.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : throw new ArgumentException($"{key}.{name} is missing or no number.");

    private static int[]? Wholes(JsonElement space, string key, string name)
    {
        if (!space.TryGetProperty(name, out var value))
            return name == "counts" ? throw new ArgumentException($"{key}.counts is missing.") : null;
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
            throw new ArgumentException($"{key}.{name} is {Short(value)}; a list of whole numbers is expected.");
        return [.. value.EnumerateArray()
            .Select(
                v => v.ValueKind == JsonValueKind.Number ? Whole(v.GetDouble(), $"{key}.{name}", name == "starts" ? int.MinValue : 1)
                    : throw new ArgumentException($"{key}.{name} holds {Short(v)}; whole numbers are expected."))];
    }

    private static string Short(JsonElement value) =>
        value.GetRawText() is { Length: > 60 } text ? text[..60] + " ..." : value.GetRawText();
}
