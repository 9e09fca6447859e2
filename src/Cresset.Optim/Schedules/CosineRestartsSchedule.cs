using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// Cosine decay with warm restarts (SGDR, Loshchilov and Hutter 2017): periods of FirstPeriod, FirstPeriod * Growth, ... steps, each from
/// the base rate to EndRate.
/// </summary>
[Part("cosine-restarts", "Loshchilov and Hutter 2017")]
public sealed record CosineRestartsSchedule : LearningRateSchedule
{
    /// <summary>Length of the first period, greater than 0.</summary>
    public double FirstPeriod { get; init; } = 10;

    /// <summary>Every period is this many times the one before, at least 1.</summary>
    public double Growth { get; init; } = 1;

    /// <summary>The rate just before a restart, at least 0.</summary>
    public double EndRate { get; init; }

    /// <summary>The height of each restart as a part of the one before, in (0, 1].</summary>
    public double RestartDecay { get; init; } = 1;

    /// <summary>Periods before the rate stays at EndRate; 0 for no end (Hugging Face's hard restarts end).</summary>
    public int Periods { get; init; }

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        double index, into, length = FirstPeriod;
        if (Growth == 1)
        {
            // A period of 0.1 divides 0.3 a rounding less than three times.
            index = Math.Floor((position / FirstPeriod) + 1e-12);
            into = position - (index * FirstPeriod);
        }
        else
        {
            index = Math.Floor(Math.Log((position / FirstPeriod * (Growth - 1)) + 1, Growth) + 1e-12);
            into = position - (FirstPeriod * (Math.Pow(Growth, index) - 1) / (Growth - 1));
            length = FirstPeriod * Math.Pow(Growth, index);
        }
        if (Periods > 0 && index >= Periods) return EndRate;
        var top = EndRate + ((baseRate - EndRate) * Math.Pow(RestartDecay, index));
        return EndRate + ((top - EndRate) * 0.5 * (1 + Math.Cos(Math.PI * into / length)));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Positive(FirstPeriod).AtLeast(Growth, 1.0).AtLeast(EndRate, 0.0).Within(RestartDecay, 0, 1, includeMin: false)
            .AtLeast(Periods, 0);
}
