using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>A linear warm-up before any schedule; the inner position counts from the end of the warm-up.</summary>
[Part("warm-up")]
public sealed record WarmUpSchedule : LearningRateSchedule
{
    /// <summary>The schedule after the warm-up.</summary>
    public LearningRateSchedule Inner { get; init; } = ConstantSchedule.Flat;

    /// <summary>Length of the warm-up, at least 0.</summary>
    public double Steps { get; init; } = 100;

    /// <summary>The part of the inner schedule's first rate to start from, in [0, 1].</summary>
    public double StartFactor { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Inner.HasOpenLength;

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => this with { Inner = Inner.Over(Math.Max(1, steps - Steps)) };

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
        => position < Steps
            ? Inner.At(0, baseRate) * (StartFactor + ((1 - StartFactor) * position / Steps))
            : Inner.At(position - Steps, baseRate);

    /// <inheritdoc/>
    public override double? MomentumAt(double position) => Inner.MomentumAt(Math.Max(0, position - Steps));

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Steps, 0.0).Within(StartFactor, 0, 1).Nested(Inner);
}
