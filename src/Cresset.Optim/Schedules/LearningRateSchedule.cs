using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// A learning rate as a pure function of the position (steps or epochs made; 0 first) and the group's base rate. It knows no optimizer:
/// plot it, compare it, store it; a <see cref="Scheduler"/> applies it. Positions may be fractional.
/// </summary>
[PartKind("schedule")]
public abstract record LearningRateSchedule : IOptionsRecord
{
    /// <summary>True when the schedule spans a run whose length is not given yet; <see cref="Over"/> gives it.</summary>
    public virtual bool HasOpenLength => false;

    /// <summary>
    /// This schedule with an open length closed: it ends after <paramref name="steps"/> steps. A length that is given stays.
    /// </summary>
    public virtual LearningRateSchedule Over(double steps) => this;

    /// <summary>The rate at <paramref name="position"/> (at least 0) for a group whose base rate is <paramref name="baseRate"/>.</summary>
    public abstract double At(double position, double baseRate);

    /// <summary>Momentum (or Adam's first beta) at <paramref name="position"/>; null when the schedule leaves it alone.</summary>
    public virtual double? MomentumAt(double position) => null;

    /// <summary>
    /// The rate at <paramref name="position"/> when the rate one step earlier was <paramref name="current"/>, perhaps changed by other
    /// schedules:
    /// how chained schedules act on top of each other. By default the schedule overrides what was there.
    /// </summary>
    public virtual double Next(double current, double position, double baseRate) => At(position, baseRate);

    /// <summary>
    /// This schedule after a linear warm-up of <paramref name="steps"/> steps from <paramref name="startFactor"/> times its first rate; its
    /// own position counts from the end of the warm-up.
    /// </summary>
    public LearningRateSchedule WithWarmUp(double steps, double startFactor = 0)
        => new WarmUpSchedule { Inner = this, Steps = steps, StartFactor = startFactor }.ThrowIfInvalid();

    /// <summary>The rates at positions 0 .. <paramref name="count"/> - 1.</summary>
    public double[] Take(int count, double baseRate)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var rates = new double[count];
        for (var i = 0; i < count; i++) rates[i] = At(i, baseRate);
        return rates;
    }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks();
        Check(checks);
        return checks;
    }

    private protected InvalidOperationException NoLength()
        => new($"{GetType().Name} spans the whole run, whose length is not known here: set Steps, or call Over(steps) as the trainer "
            + $"does.");

    /// <summary>Adds the checks of the schedule's own options.</summary>
    protected abstract void Check(OptionChecks checks);
}
