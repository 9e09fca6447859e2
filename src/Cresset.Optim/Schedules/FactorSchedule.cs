namespace Cresset.Optim;

/// <summary>A schedule that multiplies the base rate; chained, the factors multiply.</summary>
public abstract record FactorSchedule : LearningRateSchedule
{
    /// <summary>The factor at <paramref name="position"/>.</summary>
    public abstract double Factor(double position);

    /// <inheritdoc/>
    public sealed override double At(double position, double baseRate) => baseRate * Factor(position);

    /// <inheritdoc/>
    public override double Next(double current, double position, double baseRate)
    {
        var before = Factor(position - 1);
        return before == 0 ? At(position, baseRate) : current * (Factor(position) / before);
    }
}
