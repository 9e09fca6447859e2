using System.Globalization;
using System.Text.Json;

namespace Cresset.Dashboard;

/// <summary>A file that a run can go on from.</summary>
/// <param name="Step">Its step.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Written">When it was written (UTC).</param>
/// <param name="Metric">Headline figure, when the index names one.</param>
internal sealed record CheckpointFile(long Step, long Bytes, DateTime Written, double? Metric);

/// <summary>The checkpoints of a run's folder: the files count, the index only adds figures.</summary>
internal static class Checkpoints
{
    private const string Prefix = "step-", Suffix = ".safetensors";
    private const int MostIndexBytes = 1 << 20;

    /// <summary>The checkpoints; what keeps their figures from being shown is added to <paramref name="problems"/>.</summary>
    public static IReadOnlyList<CheckpointFile> Read(RunFolder folder, ICollection<string> problems)
    {
        var path = Path.Combine(folder.FullPath, "checkpoints");
        if (!Directory.Exists(path)) return [];
        var metrics = Metrics(folder, Path.Combine(path, "index.json"), problems);
        var found = new List<CheckpointFile>();
        foreach (var file in new DirectoryInfo(path).EnumerateFiles($"{Prefix}*{Suffix}"))
        {
            var number = file.Name.AsSpan(Prefix.Length, file.Name.Length - Prefix.Length - Suffix.Length);
            if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var step)) continue;
            found.Add(new(step, file.Length, file.LastWriteTimeUtc, metrics.TryGetValue(step, out var metric) ? metric : null));
        }
        return [.. found.OrderBy(c => c.Step)];
    }

    private static Dictionary<long, double> Metrics(RunFolder folder, string path, ICollection<string> problems)
    {
        var metrics = new Dictionary<long, double>();
        using var stream = folder.Open(path);
        if (stream is null) return metrics;
        void Say(string what) => problems.Add($"The figures of checkpoints are not shown: {path} {what}.");
        if (stream.Length > MostIndexBytes)
        {
            Say($"is larger than {MostIndexBytes >> 20} MB");
            return metrics;
        }
        try
        {
            using var index = JsonDocument.Parse(stream);
            if (index.RootElement.ValueKind != JsonValueKind.Array)
            {
                Say("is damaged: it holds no list");
                return metrics;
            }
            foreach (var entry in index.RootElement.EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("step", out var step)
                    && step.TryGetInt64(out var number)
                    && entry.TryGetProperty("metric", out var metric) && metric.ValueKind == JsonValueKind.Number)
                    metrics[number] = metric.GetDouble();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A damaged index costs the figures, not the list.
            metrics.Clear();
            Say($"is damaged: {e.Message.TrimEnd('.')}");
        }
        return metrics;
    }
}
