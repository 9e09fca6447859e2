using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>What a picture was made from, as its PNG file keeps it.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Negative">The negative prompt.</param>
/// <param name="Options">All settings; the seed is the picture's own.</param>
public sealed record GenerationSettings(PromptText Prompt, PromptText? Negative, GenerationOptions Options)
{
    // What other programs look for, and what this one reads back.
    private const string Readable = "parameters", Exact = "cresset";

    private static readonly JsonSerializerOptions Json = new()
    {
        Converters = { new JsonStringEnumConverter(), new SamplerConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
    };

    /// <summary>Name of the checkpoint, where it is known.</summary>
    public string? Model { get; init; }

    /// <summary>Adapters and other files that took part, in words.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>The settings that make picture <paramref name="index"/> of several alone.</summary>
    public GenerationSettings ForPicture(int index) =>
        this with { Options = Options with { Seed = Options.Seed + (ulong)index, Count = 1 } };

    /// <summary>Reads the settings out of a picture that <see cref="GenerationResult.Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The file is not a PNG, damaged, or holds no settings.</exception>
    public static GenerationSettings FromPicture(string path)
    {
        if (!PngFile.ReadText(path).TryGetValue(Exact, out var text))
            throw new InvalidDataException($"{path} holds no settings: it was not written by Cresset, or another program left them out.");
        try
        {
            var settings = JsonSerializer.Deserialize<GenerationSettings>(text, Json)
                ?? throw new InvalidDataException($"{path}: its settings are empty.");
            if (settings.Options is null || settings.Prompt?.Text is null)
                throw new InvalidDataException($"{path}: its settings lack the prompt or the options.");
            settings.Options.ThrowIfInvalid();
            return settings;
        }
        catch (Exception error) when (error is JsonException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"{path}: its settings cannot be read: {error.Message}", error);
        }
    }

    internal IReadOnlyList<(string Key, string Text)> ToText()
    {
        var words = new List<string> { Prompt.Text };
        if (Negative is { Text.Length: > 0 }) words.Add("Negative prompt: " + Negative.Text);
        var o = Options;
        var sampler = PartCatalog.NameOf((o.Sampler ?? new EulerSamplerOptions()).GetType());
        words.Add(
            string.Create(CultureInfo.InvariantCulture,
                $"Steps: {o.Steps}, Sampler: {sampler}, CFG scale: {o.Guidance.Scale}, Seed: {o.Seed}, "
                    + $"Size: {o.Width}x{o.Height}{(Model is null ? "" : ", Model: " + Model)}"));
        return [(Readable, string.Join('\n', words)), (Exact, JsonSerializer.Serialize(this, Json))];
    }

    /// <summary>A sampler as its name with its options beside it; pictures of version 0.1 have the same form.</summary>
    private sealed class SamplerConverter : JsonConverter<SamplerOptions>
    {
        private static readonly PartCatalog Parts = new(typeof(SamplerOptions).Assembly);

        public override SamplerOptions Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            if (!root.TryGetProperty("Kind", out var kind) || kind.GetString() is not { } name)
                throw new JsonException("the sampler has no kind");
            var sampler = (SamplerOptions)Parts.Get("sampler", name).Create();
            if (sampler is not MultistepSamplerOptions multistep) return sampler;
            return multistep with
            {
                Order = root.TryGetProperty(nameof(multistep.Order), out var order) ? order.GetInt32() : multistep.Order,
                Variant = root.TryGetProperty(nameof(multistep.Variant), out var variant) ? variant.Deserialize<SolverVariant>(options)
                    : multistep.Variant,
                UseFlowTable = root.TryGetProperty(nameof(multistep.UseFlowTable), out var table) ? table.GetBoolean()
                    : multistep.UseFlowTable,
            };
        }

        public override void Write(Utf8JsonWriter writer, SamplerOptions value, JsonSerializerOptions options)
        {
            writer.WriteStartObject();
            writer.WriteString("Kind", PartCatalog.NameOf(value.GetType()));
            if (value is MultistepSamplerOptions multistep)
            {
                writer.WriteNumber(nameof(multistep.Order), multistep.Order);
                writer.WriteString(nameof(multistep.Variant), multistep.Variant.ToString());
                writer.WriteBoolean(nameof(multistep.UseFlowTable), multistep.UseFlowTable);
            }
            writer.WriteEndObject();
        }
    }
}
