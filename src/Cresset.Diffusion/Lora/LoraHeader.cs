using System.Text.Json;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>
/// The settings that diffusers keeps as JSON in the header of a LoRA file ("lora_adapter_metadata"): there files in PEFT's names carry no
/// alpha tensors.
/// </summary>
internal static class LoraHeader
{
    public const string Key = "lora_adapter_metadata";

    /// <summary>Gives alpha for a network, a target and its rank, or null where the header says nothing about it.</summary>
    public static Func<LoraPart, string, long, double?> Alphas(ITensorSource source)
    {
        if (!source.Metadata.TryGetValue(Key, out var text)) return (_, _, _) => null;
        try
        {
            using var document = JsonDocument.Parse(text);
            var parts = Enum.GetValues<LoraPart>()
                .ToDictionary(p => p, p => Alphas(document.RootElement, LoraPartNames.Diffusers(p) + "."));
            return (part, target, rank) => parts[part](target, rank);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source.Path}: '{Key}' in its header is not valid JSON: {error.Message}", error);
        }
    }

    /// <summary>The JSON for these pairs, or null where alpha is the rank everywhere and nothing needs saying.</summary>
    public static string? Text(IReadOnlyList<LoraPair> all)
    {
        if (all.All(p => p.Alpha == p.Rank)) return null;
        var settings = new SortedDictionary<string, object>(StringComparer.Ordinal);
        // diffusers takes default settings for a network that a header does not speak of: each one present is described.
        foreach (var part in all.GroupBy(p => p.Part))
        {
            var prefix = LoraPartNames.Diffusers(part.Key) + ".";
            var rank = part.GroupBy(p => p.Rank).MaxBy(g => g.Count())!.Key;
            var alpha = part.GroupBy(p => p.Alpha).MaxBy(g => g.Count())!.Key;
            settings[prefix + "r"] = rank;
            settings[prefix + "lora_alpha"] = alpha;
            settings[prefix + "rank_pattern"] = part.Where(p => p.Rank != rank).ToDictionary(p => p.Target, p => p.Rank);
            settings[prefix + "alpha_pattern"] = part.Where(p => p.Alpha != alpha).ToDictionary(p => p.Target, p => p.Alpha);
            settings[prefix + "target_modules"] = part.Select(p => p.Target).ToList();
        }
        return JsonSerializer.Serialize(settings);
    }

    private static Func<string, long, double?> Alphas(JsonElement root, string prefix)
    {
        double? common = Property("lora_alpha") is { ValueKind: JsonValueKind.Number } alpha ? alpha.GetDouble() : null;
        var byRoot = Property("use_rslora") is { ValueKind: JsonValueKind.True };
        var own = Property("alpha_pattern") is { ValueKind: JsonValueKind.Object } pattern
            ? pattern.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number)
                .Select(p => (Name: p.Name.TrimStart('^'), Alpha: p.Value.GetDouble())).ToList() : [];
        return (target, rank) =>
        {
            var named = own.Where(p => target == p.Name || target.EndsWith("." + p.Name, StringComparison.Ordinal))
                .Select(p => (double?)p.Alpha).FirstOrDefault();
            // Rank-stabilized adapters divide by the root of the rank (Kalajdzievski 2023).
            return (named ?? common) * (byRoot ? Math.Sqrt(rank) : 1);
        };

        JsonElement? Property(string name) =>
            root.ValueKind != JsonValueKind.Object ? null
                : root.TryGetProperty(prefix + name, out var value) || root.TryGetProperty(name, out value) ? value : null;
    }
}
