using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>
/// <c>index.json</c> of a checkpoint folder. It is a convenience: every checkpoint carries its step, metric and a digest of its tensors, so
/// whatever the index lacks or has wrong is found in the files.
/// </summary>
internal static class CheckpointIndex
{
    public const string FileName = "index.json";
    private const string Prefix = "step-", Suffix = ".safetensors";
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static string NameOf(int step) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:00000000}{Suffix}");

    public static void Write(string folder, IReadOnlyList<Checkpoint> checkpoints)
        => AtomicFile.WriteBytes(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(checkpoints, Json));

    /// <summary>The checkpoints by step: those of the index, and those that lie in the folder and it does not list.</summary>
    public static List<Checkpoint> Read(string folder)
    {
        if (!Directory.Exists(folder)) return [];
        var found = Listed(Path.Combine(folder, FileName)).Where(IsPossible).GroupBy(c => c.Step).ToDictionary(g => g.Key, g => g.First());
        foreach (var path in Directory.EnumerateFiles(folder, $"{Prefix}*{Suffix}"))
        {
            var name = Path.GetFileName(path);
            if (!int.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Suffix.Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var step)) continue;
            if (NameOf(step) == name && !found.ContainsKey(step)) found[step] = new Checkpoint(step, name, "", MetricOf(path));
        }
        return [.. found.Values.OrderBy(c => c.Step)];
    }

    // Any program may have written the index: it cannot name a file elsewhere, or a checkpoint of another step.
    private static bool IsPossible(Checkpoint? checkpoint)
        => checkpoint is { File: not null, Sha256: not null, Step: >= 0 } && checkpoint.File == NameOf(checkpoint.Step);

    private static List<Checkpoint> Listed(string path)
    {
        if (!File.Exists(path)) return [];
        try
        {
            return JsonSerializer.Deserialize<List<Checkpoint>>(File.ReadAllBytes(path), Json) ?? [];
        }
        catch (JsonException)
        {
            // The files say the same.
            return [];
        }
    }

    private static double? MetricOf(string path)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            return file.Metadata.TryGetValue(CheckpointDigest.MetricKey, out var text)
                && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var metric) ? metric : null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            // Damaged: passed over, with its name, when it is opened.
            return null;
        }
    }
}
