using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Soft actor-critic (Haarnoja et al. 2018), and TQC (Kuznetsov et al. 2020) when its critics put out quantiles.</summary>
public sealed record SacOptions : OffPolicyOptions
{
    /// <summary>Weight of the entropy; null learns it, so that the entropy stays near <see cref="TargetEntropy"/>.</summary>
    public double? Temperature { get; init; }

    /// <summary>The temperature that learning begins with.</summary>
    public double InitialTemperature { get; init; } = 1;

    /// <summary>Wanted entropy of the policy in nats; null is minus the number of action values.</summary>
    public double? TargetEntropy { get; init; }

    /// <summary>Critics; the smallest of their values counts.</summary>
    public int Critics { get; init; } = 2;

    /// <summary>Quantiles that each critic puts out; 1 is the mean (SAC), 25 TQC's choice.</summary>
    public int Quantiles { get; init; } = 1;

    /// <summary>Largest quantiles of each critic that TQC leaves out of the target.</summary>
    public int DroppedQuantiles { get; init; } = 2;

    /// <summary>
    /// Explore by noise that follows from the state and stays the same between trainings (Raffin et al. 2021), instead of fresh noise at
    /// every step.
    /// </summary>
    public bool StateDependentNoise { get; init; }

    /// <summary>Logarithm of that noise's deviations at the start.</summary>
    public double InitialLogDeviation { get; init; } = -3;

    /// <summary>TQC with the settings of its paper: two critics of 25 quantiles, two of each dropped.</summary>
    public static SacOptions Tqc { get; } = new() { Quantiles = 25 };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
    [
        .. base.Validate(),
        .. new OptionChecks()
            .Must(Temperature is null or >= 0 && !double.IsInfinity(Temperature ?? 0), Temperature, "0 or more, or null",
                field: nameof(Temperature))
            .Positive(InitialTemperature)
            .Must(TargetEntropy is null || double.IsFinite(TargetEntropy.Value), TargetEntropy, "a number, or null",
                field: nameof(TargetEntropy))
            .Within(Critics, 1, 100)
            .Within(Quantiles, 1, 1000)
            .Must(Quantiles == 1 || (DroppedQuantiles >= 0 && DroppedQuantiles < Quantiles), DroppedQuantiles,
                $"from 0 to quantiles - 1 ({Quantiles - 1})", field: nameof(DroppedQuantiles))
            .Within(InitialLogDeviation, -20, 2)
            .Must(!StateDependentNoise || Hidden is { Count: > 0 }, StateDependentNoise, "false without hidden layers",
                field: nameof(StateDependentNoise)),
    ];
}
