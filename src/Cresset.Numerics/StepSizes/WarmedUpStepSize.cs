namespace Cresset.Numerics;

/// <summary>
/// Another rule whose first Steps values are scaled by (k+1)/Steps. Finitely many values change, so the convergence conditions are those of
/// the inner rule.
/// </summary>
[Part("warmup", Aliases = ["warm-up"])]
public sealed record WarmedUpStepSize : StepSizeRule
{
    /// <summary>The rule underneath.</summary>
    public StepSizeRule Inner { get; init; } = SampleMean;

    /// <summary>Length of the warm-up in updates, at least 0.</summary>
    public long Steps { get; init; } = 100;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => Inner.Decay;

    /// <inheritdoc/>
    public override string Formula => $"warmup({Inner.Formula}, {StepSizeFormula.Number(Steps)})";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Steps, 0L).Nested(Inner);

    /// <inheritdoc/>
    protected override double Compute(long k)
        => k < Steps ? Inner.At(k) * ((k + 1) / (double)Steps) : Inner.At(k);
}
