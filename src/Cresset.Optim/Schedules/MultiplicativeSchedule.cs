using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>The rate times f(1) f(2) ... f(position): each step multiplies the rate of the step before.</summary>
/// <param name="Function">The factor of step 1, 2, ...</param>
public sealed record MultiplicativeSchedule(Func<double, double> Function) : LearningRateSchedule
{
    private double _at;
    private double _product = 1;

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        // The product so far is kept, so walking forward costs one call of the function a step.
        if (position < _at) (_at, _product) = (0, 1);
        while (_at + 1 <= position) _product *= Function(++_at);
        return baseRate * _product;
    }

    /// <inheritdoc/>
    public override double Next(double current, double position, double baseRate) => current * Function(position);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Must(Function is not null, Function, "a function of the position");
}
