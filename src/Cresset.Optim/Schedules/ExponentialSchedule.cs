using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>base * Gamma^position.</summary>
[Part("exponential")]
public sealed record ExponentialSchedule : FactorSchedule
{
    /// <summary>The factor per step, greater than 0.</summary>
    public double Gamma { get; init; } = 0.95;

    /// <inheritdoc/>
    public override double Factor(double position) => Math.Pow(Gamma, position);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Gamma);
}
