using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// base * sqrt(TimeScale / (position + TimeScale)). After a warm-up of TimeScale steps this is the usual inverse-square-root schedule.
/// </summary>
[Part("inverse-sqrt")]
public sealed record InverseSqrtSchedule : FactorSchedule
{
    /// <summary>Steps after which the decay begins to bite, greater than 0.</summary>
    public double TimeScale { get; init; } = 10_000;

    /// <inheritdoc/>
    public override double Factor(double position) => 1 / Math.Sqrt((position + TimeScale) / TimeScale);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(TimeScale);
}
