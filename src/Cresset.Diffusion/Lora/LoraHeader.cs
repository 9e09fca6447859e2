using System.Text.Json;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>
/// The settings that diffusers keeps as JSON in the header of a LoRA file ("lora_adapter_metadata"): there files in PEFT's
/// names carry no alpha tensors.
/// </summary>
internal static class LoraHeader
{
    public const string Key = "lora_adapter_metadata";

    private const string Prefix = "transformer.";

    /// <summary>Gives alpha for a target and its rank, or null where the header says nothing about it.</summary>
    public static Func<string, long, double?> Alphas(ITensorSource source)
    {
        if (!source.Metadata.TryGetValue(Key, out var text)) return (_, _) => null;
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            double? common = Property(root, "lora_alpha") is { ValueKind: JsonValueKind.Number } alpha ? alpha.GetDouble() : null;
            var byRoot = Property(root, "use_rslora") is { ValueKind: JsonValueKind.True };
            var own = Property(root, "alpha_pattern") is { ValueKind: JsonValueKind.Object } pattern
                ? pattern.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number).Select(p => (Name: p.Name.TrimStart('^'), Alpha: p.Value.GetDouble())).ToList() : [];
            return (target, rank) =>
            {
                var named = own.Where(p => target == p.Name || target.EndsWith("." + p.Name, StringComparison.Ordinal)).Select(p => (double?)p.Alpha).FirstOrDefault();
                // Rank-stabilized adapters divide by the root of the rank (Kalajdzievski 2023).
                return (named ?? common) * (byRoot ? Math.Sqrt(rank) : 1);
            };
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source.Path}: '{Key}' in its header is not valid JSON: {error.Message}", error);
        }
    }

    /// <summary>The JSON for these pairs, or null where alpha is the rank everywhere and nothing needs saying.</summary>
    public static string? Text(IReadOnlyList<LoraPair> pairs)
    {
        if (pairs.All(p => p.Alpha == p.Rank)) return null;
        var rank = pairs.GroupBy(p => p.Rank).MaxBy(g => g.Count())!.Key;
        var alpha = pairs.GroupBy(p => p.Alpha).MaxBy(g => g.Count())!.Key;
        return JsonSerializer.Serialize(new SortedDictionary<string, object>(StringComparer.Ordinal)
        {
            [Prefix + "r"] = rank,
            [Prefix + "lora_alpha"] = alpha,
            [Prefix + "rank_pattern"] = pairs.Where(p => p.Rank != rank).ToDictionary(p => p.Target, p => p.Rank),
            [Prefix + "alpha_pattern"] = pairs.Where(p => p.Alpha != alpha).ToDictionary(p => p.Target, p => p.Alpha),
            [Prefix + "target_modules"] = pairs.Select(p => p.Target).ToList(),
        });
    }

    private static JsonElement? Property(JsonElement root, string name)
        => root.ValueKind != JsonValueKind.Object ? null : root.TryGetProperty(Prefix + name, out var value) || root.TryGetProperty(name, out value) ? value : null;
}
