using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>A straight line from StartFactor to EndFactor in Steps, then constant. The defaults are PyTorch's LinearLR.</summary>
public sealed record LinearSchedule : FactorSchedule
{
    /// <summary>Factor at position 0, in (0, 1].</summary>
    public double StartFactor { get; init; } = 1.0 / 3;

    /// <summary>Factor from position Steps on, in [0, 1].</summary>
    public double EndFactor { get; init; } = 1;

    /// <summary>Length of the line, greater than 0.</summary>
    public double Steps { get; init; } = 5;

    /// <inheritdoc/>
    public override double Factor(double position)
        => StartFactor + ((EndFactor - StartFactor) * Math.Min(position, Steps) / Steps);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(StartFactor, 0, 1, includeMin: false, hint: "Start a little above 0, for example 1e-8.").Within(EndFactor, 0, 1).Positive(Steps);
}
