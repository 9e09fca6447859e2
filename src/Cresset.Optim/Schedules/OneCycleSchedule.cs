using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// The one-cycle policy (Smith and Topin 2019) with PyTorch's defaults: up to MaxRate, down to far below the start, momentum the other way.
/// Without a MaxRate each group rises to its own base rate.
/// </summary>
[Part("one-cycle", "Smith and Topin 2019")]
public sealed record OneCycleSchedule : LearningRateSchedule
{
    /// <summary>The highest rate, greater than 0; null for each group's base rate.</summary>
    public double? MaxRate { get; init; }

    /// <summary>Null for the whole run. Length of the cycle, at least 2; later positions stay at the end.</summary>
    public double? Steps { get; init; }

    /// <inheritdoc/>
    public override bool HasOpenLength => Steps is null;

    private double Length => Steps ?? throw NoLength();

    /// <inheritdoc/>
    public override LearningRateSchedule Over(double steps) => Steps is null ? this with { Steps = Math.Max(2, steps) } : this;

    /// <summary>The part of the cycle that rises, in (0, 1).</summary>
    public double RisingPart { get; init; } = 0.3;

    /// <summary>The form of the transitions.</summary>
    public AnnealShape Shape { get; init; } = AnnealShape.Cosine;

    /// <summary>The start is MaxRate over this, at least 1.</summary>
    public double StartDivisor { get; init; } = 25;

    /// <summary>The end is the start over this, at least 1.</summary>
    public double EndDivisor { get; init; } = 1e4;

    /// <summary>Three phases: up, symmetrically down to the start, then to the end.</summary>
    public bool ThreePhase { get; init; }

    /// <summary>Move momentum against the rate.</summary>
    public bool CycleMomentum { get; init; } = true;

    /// <summary>Momentum at the highest rate.</summary>
    public double BaseMomentum { get; init; } = 0.85;

    /// <summary>Momentum at the start and end.</summary>
    public double MaxMomentum { get; init; } = 0.95;

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        var highest = MaxRate ?? baseRate;
        var start = highest / StartDivisor;
        return Along(position, start, highest, start, start / EndDivisor);
    }

    /// <inheritdoc/>
    public override double? MomentumAt(double position)
        => CycleMomentum ? Along(position, MaxMomentum, BaseMomentum, MaxMomentum, MaxMomentum) : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Positive(MaxRate ?? 1, field: nameof(MaxRate))
        .Must(Steps is null || (Steps >= 2 && double.IsFinite(Steps.Value)), Steps, "null (the whole run) or at least 2",
            field: nameof(Steps))
        .Within(RisingPart, 0, ThreePhase ? 0.5 : 1, includeMin: false, includeMax: ThreePhase)
        .Defined(Shape)
        .AtLeast(StartDivisor, 1.0)
        .AtLeast(EndDivisor, 1.0)
        .Within(BaseMomentum, 0, 1)
        .Within(MaxMomentum, 0, 1);

    private double Along(double position, double start, double top, double middle, double end)
    {
        var peak = (RisingPart * Length) - 1;
        position = Math.Min(position, Length - 1);
        // A peak at the very start has no rise.
        if (position <= peak) return Anneal.Between(Shape, start, top, peak > 0 ? position / peak : 1);
        if (!ThreePhase) return Anneal.Between(Shape, top, end, (position - peak) / (Length - 1 - peak));
        var valley = (2 * RisingPart * Length) - 2;
        return position <= valley
            ? Anneal.Between(Shape, top, middle, (position - peak) / (valley - peak))
            : Anneal.Between(Shape, middle, end, (position - valley) / (Length - 1 - valley));
    }
}
