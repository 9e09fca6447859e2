using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// A straight line from StartFactor to EndFactor in Steps, then constant. By default from the base rate to 0; PyTorch's LinearLR rises from
/// 1/3 to 1 in 5 steps.
/// </summary>
[Part("linear")]
public sealed record LinearSchedule : FactorSchedule
{
    /// <summary>Factor at position 0, in (0, 1].</summary>
    public double StartFactor { get; init; } = 1;

    /// <summary>Factor from position Steps on, in [0, 1].</summary>
    public double EndFactor { get; init; }

    /// <summary>Null for the whole run. Length of the line, greater than 0.</summary>
    public double? Steps { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Steps is null;

    private double Length => Steps ?? throw NoLength();

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => Steps is null ? this with { Steps = steps } : this;

    /// <inheritdoc/>
    public override double Factor(double position)
        => StartFactor + ((EndFactor - StartFactor) * Math.Min(position, Length) / Length);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(StartFactor, 0, 1, includeMin: false, hint: "Start a little above 0, for example 1e-8.").Within(EndFactor, 0, 1)
            .Must(Steps is null || (Steps > 0 && double.IsFinite(Steps.Value)), Steps, "null (the whole run) or greater than 0",
                field: nameof(Steps));
}
