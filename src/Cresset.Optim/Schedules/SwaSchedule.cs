using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>From the base rate to a constant rate for stochastic weight averaging (PyTorch's SWALR).</summary>
[Part("swa", "Izmailov et al. 2018")]
public sealed record SwaSchedule : LearningRateSchedule
{
    /// <summary>The rate while weights are averaged, greater than 0.</summary>
    public double Rate { get; init; } = 0.05;

    /// <summary>Length of the transition, at least 0.</summary>
    public double Steps { get; init; } = 10;

    /// <summary>The form of the transition.</summary>
    public AnnealShape Shape { get; init; } = AnnealShape.Cosine;

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        var part = Steps == 0 ? 1 : Math.Clamp(position / Steps, 0, 1);
        var share = Shape == AnnealShape.Cosine ? (1 - Math.Cos(Math.PI * part)) / 2 : part;
        return (Rate * share) + (baseRate * (1 - share));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Rate).AtLeast(Steps, 0.0).Defined(Shape);
}
