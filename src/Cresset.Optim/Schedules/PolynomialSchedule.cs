using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// From the base rate to EndRate by (1 - position / Steps)^Power, EndRate afterwards. With EndRate 0 this is PyTorch's PolynomialLR
/// (defaults as there).
/// </summary>
[Part("polynomial")]
public sealed record PolynomialSchedule : LearningRateSchedule
{
    /// <summary>Null for the whole run. Length of the decay, greater than 0.</summary>
    public double? Steps { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Steps is null;

    private double Length => Steps ?? throw NoLength();

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => Steps is null ? this with { Steps = steps } : this;

    /// <summary>The power, greater than 0; 1 is a line.</summary>
    public double Power { get; init; } = 1;

    /// <summary>The rate at the end, at least 0.</summary>
    public double EndRate { get; init; }

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
        => position >= Length ? EndRate : EndRate + ((baseRate - EndRate) * Math.Pow(1 - (position / Length), Power));

    /// <inheritdoc/>
    public override double Next(double current, double position, double baseRate)
    {
        if (position > Length) return current;
        var before = At(position - 1, baseRate) - EndRate;
        return before == 0 ? At(position, baseRate) : EndRate + ((current - EndRate) * ((At(position, baseRate) - EndRate) / before));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) =>
        checks?.Must(Steps is null || (Steps > 0 && double.IsFinite(Steps.Value)), Steps, "null (the whole run) or greater than 0",
            field: nameof(Steps)).Positive(Power).AtLeast(EndRate, 0.0);
}
