using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Shapes of the decay of <see cref="WarmupStableDecaySchedule"/>.</summary>
public enum DecayShape
{
    /// <summary>A line.</summary>
    Linear,

    /// <summary>Half a cosine.</summary>
    Cosine,

    /// <summary>1 - sqrt(progress), which Haegele et al. (2024) found best.</summary>
    OneMinusSqrt,
}

/// <summary>
/// Warm-up, a long stable rate, a short decay (WSD; Hu et al. 2024): training can go on from the stable part without knowing its length in
/// advance.
/// </summary>
[Part("wsd", "Hu et al. 2024")]
public sealed record WarmupStableDecaySchedule : FactorSchedule
{
    /// <summary>Steps of linear warm-up from 0, at least 0.</summary>
    public double WarmUpSteps { get; init; } = 100;

    /// <summary>Steps at the base rate, at least 0; null for what warm-up and decay leave of the run.</summary>
    public double? StableSteps { get; init; }

    /// <summary>Steps of decay, greater than 0.</summary>
    public double DecaySteps { get; init; } = 100;

    /// <summary>The shape of the decay.</summary>
    public DecayShape Shape { get; init; } = DecayShape.OneMinusSqrt;

    /// <summary>The factor at the end and after it, in [0, 1).</summary>
    public double EndFactor { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => StableSteps is null;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The run is shorter than warm-up and decay.</exception>
    public override LearningRateSchedule Over(double steps) => StableSteps is not null ? this : steps >= WarmUpSteps + DecaySteps
        ? this with { StableSteps = steps - WarmUpSteps - DecaySteps }
        : throw new ArgumentOutOfRangeException(nameof(steps), steps,
            $"Warm-up ({WarmUpSteps}) and decay ({DecaySteps}) need at least {WarmUpSteps + DecaySteps} steps: shorten them.");

    /// <inheritdoc/>
    public override double Factor(double position)
    {
        if (position < WarmUpSteps) return position / WarmUpSteps;
        var progress = (position - WarmUpSteps - (StableSteps ?? throw NoLength())) / DecaySteps;
        if (progress <= 0) return 1;
        if (progress >= 1) return EndFactor;
        var shape = Shape switch
        {
            DecayShape.Linear => 1 - progress,
            DecayShape.Cosine => 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => 1 - Math.Sqrt(progress),
        };
        return EndFactor + ((1 - EndFactor) * shape);
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.AtLeast(WarmUpSteps, 0.0)
            .Must(StableSteps is null || (StableSteps >= 0 && double.IsFinite(StableSteps.Value)), StableSteps,
                "null (the rest of the run) or at least 0", field: nameof(StableSteps)).Positive(DecaySteps).Defined(Shape)
                .Within(EndFactor, 0, 1, includeMax: false);
}
