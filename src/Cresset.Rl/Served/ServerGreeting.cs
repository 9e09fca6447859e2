using System.Text;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>What a server says of its world before the first episode.</summary>
internal sealed record ServerGreeting
{
    private static readonly string[] Known =
        ["name", "observation", "action", "masks", "max_episode_steps", "reward_threshold", "return_range", "saves", "renders",
            "frames_per_second", "info"];

    public required string Name { get; init; }

    /// <summary>A <see cref="Space{T}"/> of float, int or sbyte.</summary>
    public required object Observations { get; init; }

    /// <summary>A <see cref="Space{T}"/> of float, int or sbyte.</summary>
    public required object Actions { get; init; }

    public bool HasMasks { get; init; }

    public int? MaxEpisodeSteps { get; init; }

    public double? RewardThreshold { get; init; }

    public ReturnRange ReturnRange { get; init; } = ReturnRange.Unbounded;

    public bool Saves { get; init; }

    public bool Renders { get; init; }

    public int FramesPerSecond { get; init; } = 15;

    /// <summary>Asks a server that has just been reached.</summary>
    /// <exception cref="EnvironmentServerException">It does not say what is needed.</exception>
    public static ServerGreeting Read(ServerLink link, TimeSpan limit)
    {
        var line = link.Ask("{\"do\":\"hello\",\"protocol\":1}\n"u8.ToArray(), limit, "its answer to hello");
        try
        {
            using var document = JsonDocument.Parse(line.ToArray());
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or InvalidOperationException)
        {
            throw link.Break(
                $"The server {link.Name}: its answer to hello is not right: {e.Message.ReplaceLineEndings(" ")} It wrote: {Excerpt(line)}",
                e);
        }
    }

    /// <summary>The beginning of a line, for messages.</summary>
    public static string Excerpt(ReadOnlySpan<byte> line)
    {
        var text = Encoding.UTF8.GetString(line[..Math.Min(line.Length, 120)]);
        return line.Length > 120 ? text + " ..." : text;
    }

    private static ServerGreeting Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object) throw new ArgumentException("An object is expected.");
        if (root.TryGetProperty("error", out var error)) throw new ArgumentException($"it reports '{error}'.");
        foreach (var key in root.EnumerateObject())
        {
            if (!Known.Contains(key.Name))
                throw new ArgumentException(
                    $"The key '{key.Name}' is unknown; known are {string.Join(", ", Known)}.{NearestName.Suggest(key.Name, Known)}");
        }
        var greeting = new ServerGreeting
        {
            Name = Text(root, "name") ?? "World",
            Observations = ServedSpaces.Read(Part(root, "observation"), "observation"),
            Actions = ServedSpaces.Read(Part(root, "action"), "action"),
            HasMasks = Flag(root, "masks"),
            MaxEpisodeSteps = Number(root, "max_episode_steps") is { } steps ? ServedSpaces.Whole(steps, "max_episode_steps", 1) : null,
            RewardThreshold = Number(root, "reward_threshold"),
            Saves = Flag(root, "saves"),
            Renders = Flag(root, "renders"),
            FramesPerSecond = Number(root, "frames_per_second") is { } frames ? ServedSpaces.Whole(frames, "frames_per_second", 1) : 15,
        };
        if (greeting is { HasMasks: true, Actions: not Discrete and not MultiDiscrete })
            throw new ArgumentException("masks are for actions of kind discrete or multi_discrete.");
        if (!root.TryGetProperty("return_range", out var range) || range.ValueKind == JsonValueKind.Null) return greeting;
        var (low, high) = range is { ValueKind: JsonValueKind.Array } && range.GetArrayLength() == 2 ? (range[0], range[1])
            : throw new ArgumentException($"return_range is {range}; two numbers are expected, null for no bound.");
        return greeting with
        {
            ReturnRange = new ReturnRange(
                low.ValueKind == JsonValueKind.Null ? double.NegativeInfinity : low.GetDouble(),
                high.ValueKind == JsonValueKind.Null ? double.PositiveInfinity : high.GetDouble()),
        };
    }

    private static JsonElement Part(JsonElement root, string key)
        => root.TryGetProperty(key, out var part) ? part : throw new ArgumentException($"The key '{key}' is missing.");

    private static string? Text(JsonElement root, string key)
        => !root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
            : value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text
            : throw new ArgumentException($"{key} is {value.GetRawText()}; a text is expected.");

    private static bool Flag(JsonElement root, string key)
        => root.TryGetProperty(key, out var value)
            && (value.ValueKind == JsonValueKind.True
                || (value.ValueKind is JsonValueKind.False or JsonValueKind.Null ? false
                    : throw new ArgumentException($"{key} is {value.GetRawText()}; true or false is expected.")));

    private static double? Number(JsonElement root, string key)
        => !root.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null ? null
            : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : throw new ArgumentException($"{key} is {value.GetRawText()}; a number or null is expected.");
}
