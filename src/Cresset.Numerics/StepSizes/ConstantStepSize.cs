namespace Cresset.Numerics;

/// <summary>
/// The same step size at every update. Meets sum a = infinity but not sum a^2 &lt; infinity: the iterate keeps moving in a ball whose
/// radius shrinks with the size.
/// </summary>
[Part("constant")]
public sealed record ConstantStepSize : StepSizeRule
{
    /// <summary>The size, greater than 0.</summary>
    public double Size { get; init; } = 0.1;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => new StepSizeDecay(0);

    /// <inheritdoc/>
    public override string Formula => StepSizeFormula.Number(Size);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Positive(Size);

    /// <inheritdoc/>
    protected override double Compute(long k) => Size;
}
