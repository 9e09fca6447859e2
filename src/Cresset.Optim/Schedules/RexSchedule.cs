using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Reflected exponential (REX, Chen et al. 2021): (1 - z) / (1/2 + (1 - z)/2) with z = position / Steps; stays high for long and falls late.</summary>
public sealed record RexSchedule : FactorSchedule
{
    /// <summary>Length of the decay, greater than 0.</summary>
    public double Steps { get; init; } = 1000;

    /// <inheritdoc/>
    public override double Factor(double position)
    {
        var rest = 1 - Math.Min(position / Steps, 1);
        return rest / (0.5 + (0.5 * rest));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Steps);
}
