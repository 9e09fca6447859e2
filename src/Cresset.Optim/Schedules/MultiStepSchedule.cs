using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>The rate times Gamma at every milestone; a milestone given twice counts twice. The order does not matter.</summary>
[Part("multi-step")]
public sealed record MultiStepSchedule : FactorSchedule
{
    /// <summary>Positions of the drops.</summary>
    public IReadOnlyList<double> Milestones { get; init; } = [30, 60, 90];

    /// <summary>The factor of a drop, greater than 0.</summary>
    public double Gamma { get; init; } = 0.1;

    /// <inheritdoc/>
    public override double Factor(double position) => Math.Pow(Gamma, Milestones.Count(m => m <= position));

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Must(Milestones is { Count: > 0 } && Milestones.All(m => m >= 0),
            Milestones is null ? null : string.Join(", ", Milestones), "at least one position, none negative", field: nameof(Milestones))
            .Positive(Gamma);
}
