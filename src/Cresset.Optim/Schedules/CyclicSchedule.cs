using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>How the height of a cycle changes.</summary>
public enum CycleMode
{
    /// <summary>Always the same.</summary>
    Triangular,

    /// <summary>Half of it every cycle.</summary>
    Triangular2,

    /// <summary>Times Gamma every step.</summary>
    ExpRange,
}

/// <summary>
/// Cyclical learning rates (Smith 2017): a triangle between BaseRate and MaxRate, momentum the other way. The group's base rate is not
/// used.
/// </summary>
[Part("cyclic", "Smith 2017")]
public sealed record CyclicSchedule : LearningRateSchedule
{
    /// <summary>The lowest rate, at least 0.</summary>
    public double BaseRate { get; init; } = 1e-3;

    /// <summary>The highest rate, at least BaseRate.</summary>
    public double MaxRate { get; init; } = 1e-2;

    /// <summary>Steps up, greater than 0.</summary>
    public double StepsUp { get; init; } = 2000;

    /// <summary>Steps down; null for as many as up.</summary>
    public double? StepsDown { get; init; }

    /// <summary>How the height changes.</summary>
    public CycleMode Mode { get; init; }

    /// <summary>The factor of <see cref="CycleMode.ExpRange"/>, greater than 0.</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>A height of the caller's own instead of <see cref="Mode"/>.</summary>
    public Func<double, double>? Scale { get; init; }

    /// <summary>Whether <see cref="Scale"/> is given the step instead of the cycle (1, 2, ...).</summary>
    public bool ScaleBySteps { get; init; }

    /// <summary>Move momentum against the rate.</summary>
    public bool CycleMomentum { get; init; } = true;

    /// <summary>Momentum at the highest rate.</summary>
    public double BaseMomentum { get; init; } = 0.8;

    /// <summary>Momentum at the lowest rate.</summary>
    public double MaxMomentum { get; init; } = 0.9;

    /// <inheritdoc/>
    public override double At(double position, double baseRate) => BaseRate + ((MaxRate - BaseRate) * Height(position));

    /// <inheritdoc/>
    public override double? MomentumAt(double position)
        => CycleMomentum ? MaxMomentum - ((MaxMomentum - BaseMomentum) * Height(position)) : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(BaseRate, 0.0)
        .Must(MaxRate >= BaseRate, MaxRate, $"at least BaseRate ({BaseRate})", field: nameof(MaxRate))
        .Positive(StepsUp)
        .Must(StepsDown is not <= 0, StepsDown, "greater than 0", field: nameof(StepsDown))
        .Defined(Mode)
        .Positive(Gamma)
        .Within(BaseMomentum, 0, 1)
        .Within(MaxMomentum, 0, 1);

    private double Height(double position)
    {
        var total = StepsUp + (StepsDown ?? StepsUp);
        var ratio = StepsUp / total;
        var cycle = Math.Floor(1 + (position / total));
        var x = 1 + (position / total) - cycle;
        var triangle = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
        var scale = Scale is { } own ? own(ScaleBySteps ? position : cycle) : Mode switch
        {
            CycleMode.Triangular2 => Math.Pow(2, 1 - cycle),
            CycleMode.ExpRange => Math.Pow(Gamma, position),
            _ => 1,
        };
        return Math.Max(0, triangle) * scale;
    }
}
