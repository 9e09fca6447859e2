using Cresset.Detection;

namespace Cresset.Recipes;

/// <summary>An object that a detector found in a picture.</summary>
/// <param name="Class">Its class.</param>
/// <param name="Detection">Score, box and mask, in pixels of the picture; the category of the first class is 1.</param>
public sealed record FoundObject(string Class, DetectedObject Detection);

/// <summary>An answer.</summary>
/// <param name="Input">The file, or the file and its row.</param>
public sealed record Prediction(string Input)
{
    /// <summary>The most likely class.</summary>
    public string? Class { get; init; }

    /// <summary>Its probability.</summary>
    public double? Probability { get; init; }

    /// <summary>Probabilities of all classes in their order.</summary>
    public IReadOnlyDictionary<string, double>? Probabilities { get; init; }

    /// <summary>A number in the units of the training's target.</summary>
    public double? Value { get; init; }

    /// <summary>What <see cref="Value"/> is.</summary>
    public string ValueName { get; init; } = "value";

    /// <summary>Several numbers by name, such as mean and quantiles of a posterior.</summary>
    public IReadOnlyDictionary<string, double>? Values { get; init; }

    /// <summary>
    /// The share of ordinary inputs that a density finds likelier than this one: 0 in the middle of the data, near 1 for an anomaly.
    /// </summary>
    public double? AnomalyScore { get; init; }

    /// <summary>
    /// Whether the score is above the threshold at which one ordinary input in 1 / <see cref="TrainedModel.AlarmRate"/> gives a false
    /// alarm.
    /// </summary>
    public bool? IsAnomaly { get; init; }

    /// <summary>
    /// A PNG file: a mask whose grey values are class indices, an enlarged picture, or one with what was found drawn over it.
    /// </summary>
    public byte[]? Picture { get; init; }

    /// <summary>Share of the picture's pixels of each class, for masks.</summary>
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    /// <summary>Objects found in a picture, the surest first; empty where nothing was found.</summary>
    public IReadOnlyList<FoundObject>? Objects { get; init; }

    /// <summary>
    /// What a policy does: one number for a choice, several for several choices or a continuous action; none where a table never met the
    /// state.
    /// </summary>
    public IReadOnlyList<double>? Action { get; init; }

    /// <summary>Codes of a picture, stages innermost.</summary>
    public IReadOnlyList<long>? Codes { get; init; }

    /// <summary>Shape of <see cref="Codes"/>: rows, columns and stages, where there are several.</summary>
    public IReadOnlyList<long>? CodesShape { get; init; }
}
