using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What the activation study compares.</summary>
internal sealed record ActivationStudyOptions : IOptionsRecord
{
    /// <summary>The activations.</summary>
    public IReadOnlyList<ActivationOptions> Activations { get; init; } = ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
        "relu2", "hardswish", "tanh", "sigmoid", "snake"];

    /// <summary>Seeds: each activation trains once with each.</summary>
    public int Seeds { get; init; } = 3;

    /// <summary>Optimizer steps of each training.</summary>
    public int Steps { get; init; } = 300;

    /// <summary>Examples per step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Hidden layers.</summary>
    public int Depth { get; init; } = 4;

    /// <summary>Units of each hidden layer.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Learning rate of AdamW.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Activations is { Count: > 0 }
            && Activations.All(
                a => a is CatalogActivation
                {
                    Info.Kind: ActivationKind.Elementwise or ActivationKind.Trainable or ActivationKind.Threshold
                } && !a.Validate().Any()),
                    Activations is null ? null : string.Join(", ", Activations),
                    "activations that work on each value by itself (cresset activations)", "", nameof(Activations))
        .Within(Seeds, 1, 100)
        .Within(Steps, 1, 1_000_000)
        .Within(BatchSize, 1, 100_000)
        .Within(Depth, 1, 100)
        .Within(Width, 1, 10_000)
        .Positive(LearningRate);
}
