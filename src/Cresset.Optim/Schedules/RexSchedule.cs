using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Reflected exponential (REX, Chen et al. 2021): (1 - z) / (1/2 + (1 - z)/2) with z = position / Steps; stays high for long and falls
/// late.
/// </summary>
[Part("rex", "Chen et al. 2021")]
public sealed record RexSchedule : FactorSchedule
{
    /// <summary>Null for the whole run. Length of the decay, greater than 0.</summary>
    public double? Steps { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Steps is null;

    private double Length => Steps ?? throw NoLength();

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => Steps is null ? this with { Steps = steps } : this;

    /// <inheritdoc/>
    public override double Factor(double position)
    {
        var rest = 1 - Math.Min(position / Length, 1);
        return rest / (0.5 + (0.5 * rest));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) =>
        checks?.Must(Steps is null || (Steps > 0 && double.IsFinite(Steps.Value)), Steps, "null (the whole run) or greater than 0",
            field: nameof(Steps));
}
