using System.Text.Json;

namespace Cresset.Training;

/// <summary>The numbers of a run that stand beside its tensors in a checkpoint.</summary>
internal sealed record TrainerState
{
    private const string Key = "cresset.trainer";

    public int Step { get; init; }

    public int Epoch { get; init; }

    public int Batch { get; init; }

    public double? BestMetric { get; init; }

    public int BestStep { get; init; }

    public int EvaluationsSinceBest { get; init; }

    public long AverageCount { get; init; }

    public int BatchSize { get; init; }

    public ulong Seed { get; init; }

    public void Write(Dictionary<string, string> metadata) => metadata[Key] = JsonSerializer.Serialize(this);

    public static TrainerState Read(IReadOnlyDictionary<string, string> metadata, string path)
        => metadata.TryGetValue(Key, out var json) && JsonSerializer.Deserialize<TrainerState>(json) is { } state
            ? state
            : throw new InvalidDataException($"{path} is no training checkpoint: its metadata lacks '{Key}'. A file of weights alone cannot be resumed.");
}
