using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// Soft actor-critic over choices (Christodoulou 2019): critics put out the value of every choice, so that both losses are means over the
/// policy's chances instead of draws.
/// </summary>
public sealed record DiscreteSacOptions : OffPolicyOptions
{
    /// <summary>
    /// Weight of the entropy; null learns it, so that the entropy stays near <see cref="TargetEntropyShare"/> of the greatest.
    /// </summary>
    public double? Temperature { get; init; }

    /// <summary>The temperature that learning begins with.</summary>
    public double InitialTemperature { get; init; } = 1;

    /// <summary>
    /// Wanted entropy as a share of log n, the greatest of n choices, where n counts those that are allowed. 0.98 in the paper, which all
    /// but leaves choosing to chance and suits worlds where many choices are alike; with two choices 0.5 is a chance of 0.11 for the worse
    /// one.
    /// </summary>
    public double TargetEntropyShare { get; init; } = 0.5;

    /// <summary>Critics; the smallest of their values counts.</summary>
    public int Critics { get; init; } = 2;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
    [
        .. base.Validate(),
        .. new OptionChecks()
            .Must(Temperature is null or >= 0 && !double.IsInfinity(Temperature ?? 0), Temperature, "0 or more, or null",
                field: nameof(Temperature))
            .Positive(InitialTemperature)
            .Within(TargetEntropyShare, 0, 1)
            .Within(Critics, 1, 100),
    ];
}
