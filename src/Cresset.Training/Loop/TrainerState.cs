using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cresset.Training;

/// <summary>The numbers of a run that stand beside its tensors in a checkpoint.</summary>
internal sealed record TrainerState
{
    private const string Key = "cresset.trainer";
    private static readonly JsonSerializerOptions Format = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public int Step { get; init; }

    public int Epoch { get; init; }

    public int Batch { get; init; }

    public double? BestMetric { get; init; }

    public int BestStep { get; init; }

    public int EvaluationsSinceBest { get; init; }

    public long AverageCount { get; init; }

    public int BatchSize { get; init; }

    public ulong Seed { get; init; }

    /// <summary>Step of the last pictures; -1 before the first.</summary>
    public int LastPictured { get; init; } = -1;

    /// <summary>Figures of an evaluation at this very step, which must not be recorded twice; null without one.</summary>
    public IReadOnlyDictionary<string, double>? Metrics { get; init; }

    public void Write(Dictionary<string, string> metadata) => metadata[Key] = JsonSerializer.Serialize(this, Format);

    public static TrainerState Read(IReadOnlyDictionary<string, string> metadata, string path)
        => metadata.TryGetValue(Key, out var json) && JsonSerializer.Deserialize<TrainerState>(json, Format) is { } state
            ? state
            : throw new InvalidDataException($"{path} is no training checkpoint: its metadata lacks '{Key}'. A file of weights alone cannot be resumed.");
}
