using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// A step-size rule of stochastic approximation as a learning-rate schedule: base * rule(position) / rule(0), or the rule itself with
/// <see cref="Absolute"/>.
/// </summary>
[Part("step-size")]
public sealed record StepSizeSchedule : LearningRateSchedule
{
    /// <summary>The rule.</summary>
    public StepSizeRule Rule { get; init; } = StepSizeRule.SampleMean;

    /// <summary>Use the rule's values as rates and ignore the base rate.</summary>
    public bool Absolute { get; init; }

    /// <inheritdoc/>
    public override double At(double position, double baseRate)
    {
        var size = Rule.At((long)position);
        return Absolute ? size : baseRate * (size / Rule.At(0));
    }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Nested(Rule);
}
