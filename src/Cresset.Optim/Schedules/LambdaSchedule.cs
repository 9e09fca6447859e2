using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>The base rate times a function of the position.</summary>
/// <param name="Function">The factor; finite and not negative.</param>
public sealed record LambdaSchedule(Func<double, double> Function) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double At(double position, double baseRate) => baseRate * Function(position);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Must(Function is not null, Function, "a function of the position");
}
