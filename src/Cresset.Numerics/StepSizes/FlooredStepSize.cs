namespace Cresset.Numerics;

/// <summary>Another rule, never below a floor: starts like a mean and ends as a tracker with constant step.</summary>
[Part("max", Aliases = ["floored"])]
public sealed record FlooredStepSize : StepSizeRule
{
    /// <summary>The rule underneath.</summary>
    public StepSizeRule Inner { get; init; } = SampleMean;

    /// <summary>The smallest size, greater than 0.</summary>
    public double Floor { get; init; } = 0.01;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => new StepSizeDecay(0);

    /// <inheritdoc/>
    public override string Formula => $"max({Inner.Formula}, {StepSizeFormula.Number(Floor)})";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Positive(Floor).Nested(Inner);

    /// <inheritdoc/>
    protected override double Compute(long k) => Math.Max(Inner.At(k), Floor);
}
