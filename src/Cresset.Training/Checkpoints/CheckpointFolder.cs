using System.Security.Cryptography;
using System.Text.Json;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// The checkpoints of one run: safetensors files and <c>index.json</c> with their hashes. A file is complete before it gets
/// its name, and listed only after that; a damaged one is passed over for the one before.
/// </summary>
public sealed class CheckpointFolder
{
    private const string IndexName = "index.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Uses a folder, which need not exist yet.</summary>
    public CheckpointFolder(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        FolderPath = path;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>All listed checkpoints, oldest first.</summary>
    public IReadOnlyList<Checkpoint> List()
    {
        var path = Path.Combine(FolderPath, IndexName);
        if (!File.Exists(path)) return [];
        try
        {
            return JsonSerializer.Deserialize<List<Checkpoint>>(File.ReadAllBytes(path), Json) ?? [];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: no valid list of checkpoints (line {e.LineNumber + 1}).", e);
        }
    }

    /// <summary>Saves a checkpoint, then drops those that need not be kept. The newest is always kept.</summary>
    public Checkpoint Save(int step, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata, double? metric, int keepLast, HeadlineMetric? keepBest)
    {
        var name = $"step-{step:00000000}.safetensors";
        var path = Path.Combine(FolderPath, name);
        SafetensorsWriter.Write(path, tensors, metadata);
        var saved = new Checkpoint(step, name, Hash(path), metric);
        var all = List().Where(c => c.Step < step).Append(saved).ToList();
        var kept = Retain(all, keepLast, keepBest);
        AtomicFile.WriteBytes(Path.Combine(FolderPath, IndexName), JsonSerializer.SerializeToUtf8Bytes(kept, Json));
        foreach (var dropped in all.Except(kept)) File.Delete(Path.Combine(FolderPath, dropped.File));
        return saved;
    }

    /// <summary>Opens the newest checkpoint that is whole, or null when there is none; <paramref name="passedOver"/> names damaged ones.</summary>
    public OpenedCheckpoint? OpenNewest(out IReadOnlyList<string> passedOver) => OpenFirst(List().OrderByDescending(c => c.Step), out passedOver);

    /// <summary>Opens the checkpoint with the best metric (the newest where none has one), or null.</summary>
    public OpenedCheckpoint? OpenBest(HeadlineMetric metric, out IReadOnlyList<string> passedOver)
    {
        ArgumentNullException.ThrowIfNull(metric);
        var sign = metric.HigherIsBetter ? -1 : 1;
        return OpenFirst(List().OrderBy(c => c.Metric is { } m && !double.IsNaN(m) ? sign * m : double.PositiveInfinity).ThenByDescending(c => c.Step), out passedOver);
    }

    private OpenedCheckpoint? OpenFirst(IEnumerable<Checkpoint> candidates, out IReadOnlyList<string> passedOver)
    {
        var damaged = new List<string>();
        passedOver = damaged;
        foreach (var candidate in candidates)
        {
            var path = Path.Combine(FolderPath, candidate.File);
            if (!File.Exists(path)) damaged.Add($"{path} is missing");
            else if (Hash(path) != candidate.Sha256) damaged.Add($"{path} is damaged (its SHA-256 is not the recorded one)");
            else return new OpenedCheckpoint(candidate, SafetensorsFile.Open(path));
        }
        return null;
    }

    private static List<Checkpoint> Retain(List<Checkpoint> all, int keepLast, HeadlineMetric? keepBest)
    {
        var kept = all.TakeLast(keepLast).ToHashSet();
        if (keepBest is not null)
        {
            Checkpoint? best = null;
            foreach (var candidate in all)
            {
                if (candidate.Metric is { } metric && keepBest.Improves(metric, best?.Metric ?? double.NaN)) best = candidate;
            }
            if (best is not null) kept.Add(best);
        }
        return all.Where(kept.Contains).ToList();
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
