using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>The numbers of a trainer that stand beside the tensors in its snapshot, as one text.</summary>
internal sealed record TrainerState
{
    private const string Key = "cresset.trainer";
    private static readonly JsonSerializerOptions Format = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public int Step { get; init; }

    public int Epoch { get; init; }

    public int Batch { get; init; }

    /// <summary>
    /// Pieces that a batch was computed in, over all ranks; 0 from earlier versions, whose <see cref="Batch"/> counted pieces.
    /// </summary>
    public int Parts { get; init; }

    public double? BestMetric { get; init; }

    public int BestStep { get; init; }

    public int EvaluationsSinceBest { get; init; }

    /// <summary>Updates of the average; written by earlier versions alone, which kept it here.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long AverageCount { get; init; }

    public int BatchSize { get; init; }

    public ulong Seed { get; init; }

    /// <summary>Step of the last pictures; -1 before the first.</summary>
    public int LastPictured { get; init; } = -1;

    /// <summary>Figures of an evaluation at this very step, which must not be recorded twice; null without one.</summary>
    public IReadOnlyDictionary<string, double>? Metrics { get; init; }

    public void Save(Snapshot state) => state.Put(Key, JsonSerializer.Serialize(this, Format));

    /// <exception cref="InvalidDataException">The snapshot is not that of a trainer, or the text is damaged.</exception>
    public static TrainerState Of(Snapshot state)
    {
        if (!state.Has(Key))
            throw new InvalidDataException(
                $"{state.Origin} is not a training checkpoint: its metadata lacks '{Key}'. A file of weights alone cannot be resumed.");
        try
        {
            return JsonSerializer.Deserialize<TrainerState>(state.Text(Key), Format)
                ?? throw new InvalidDataException($"{state.Origin}: '{Key}' is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{state.Origin}: '{Key}' is damaged: {e.Message}", e);
        }
    }
}
