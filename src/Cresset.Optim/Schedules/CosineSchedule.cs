using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Half a cosine from the base rate to EndRate in Steps (Loshchilov and Hutter 2017). PyTorch's CosineAnnealingLR climbs again after that;
/// here it does so only with <see cref="Periodic"/>, and stays at EndRate otherwise.
/// </summary>
[Part("cosine", "Loshchilov and Hutter 2017")]
public sealed record CosineSchedule : LearningRateSchedule
{
    /// <summary>Null for the whole run. Length of the half wave, greater than 0.</summary>
    public double? Steps { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Steps is null;

    private double Length => Steps ?? throw NoLength();

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => Steps is null ? this with { Steps = steps } : this;

    /// <summary>The rate at the end, at least 0.</summary>
    public double EndRate { get; init; }

    /// <summary>The end as a part of each group's base rate (Hugging Face's min_lr_rate); the larger of the two ends counts.</summary>
    public double EndFactor { get; init; }

    /// <summary>Go on as a wave after Length, as PyTorch does.</summary>
    public bool Periodic { get; init; }

    /// <summary>
    /// Half waves times two, Hugging Face's num_cycles: 0.5 falls once; without <see cref="Periodic"/> only the end of Length counts.
    /// </summary>
    public double Cycles { get; init; } = 0.5;

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        var end = Math.Max(EndRate, EndFactor * baseRate);
        var progress = Periodic ? position / Length : Math.Min(position / Length, 1);
        return end + ((baseRate - end) * Math.Max(0, 0.5 * (1 + Math.Cos(2 * Math.PI * Cycles * progress))));
    }

    /// <inheritdoc/>
    public override double Next(double current, double position, double baseRate)
    {
        var end = Math.Max(EndRate, EndFactor * baseRate);
        var before = At(position - 1, baseRate) - end;
        return Math.Abs(before) <= 1e-12 * baseRate ? At(position, baseRate)
            : end + ((current - end) * ((At(position, baseRate) - end) / before));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks
            ?.Must(Steps is null || (Steps > 0 && double.IsFinite(Steps.Value)), Steps, "null (the whole run) or greater than 0",
                field: nameof(Steps)).AtLeast(EndRate, 0.0).Within(EndFactor, 0, 1).Positive(Cycles);
}
