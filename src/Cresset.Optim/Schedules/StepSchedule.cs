using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>The rate times Gamma every Every steps.</summary>
[Part("step")]
public sealed record StepSchedule : FactorSchedule
{
    /// <summary>Steps between two drops, greater than 0.</summary>
    public double Every { get; init; } = 30;

    /// <summary>The factor of a drop, greater than 0.</summary>
    public double Gamma { get; init; } = 0.1;

    /// <inheritdoc/>
    public override double Factor(double position) => Math.Pow(Gamma, Math.Floor(position / Every));

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Every).Positive(Gamma);
}
