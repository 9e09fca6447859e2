using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// The schedule of the Transformer paper (Vaswani et al. 2017, eq. 3): base * Scale * width^-0.5 * min(s^-0.5, s * warmup^-1.5) with s =
/// position + 1.
/// </summary>
[Part("noam", "Vaswani et al. 2017")]
public sealed record NoamSchedule : FactorSchedule
{
    /// <summary>Width of the model (d_model), greater than 0.</summary>
    public double ModelWidth { get; init; } = 512;

    /// <summary>Steps of warm-up, greater than 0.</summary>
    public double WarmUpSteps { get; init; } = 4000;

    /// <summary>A further factor, greater than 0.</summary>
    public double Scale { get; init; } = 1;

    /// <inheritdoc/>
    public override double Factor(double position)
    {
        var step = position + 1;
        return Scale / Math.Sqrt(ModelWidth) * Math.Min(1 / Math.Sqrt(step), step * Math.Pow(WarmUpSteps, -1.5));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(ModelWidth).Positive(WarmUpSteps).Positive(Scale);
}
