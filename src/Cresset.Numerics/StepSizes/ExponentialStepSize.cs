namespace Cresset.Numerics;

/// <summary>
/// <c>A * Gamma^k</c>. The sum is finite (A/(1-Gamma)), so the iterate can stop short of the optimum however long it runs.
/// </summary>
[Part("exponential")]
public sealed record ExponentialStepSize : StepSizeRule
{
    /// <summary>The first size, greater than 0.</summary>
    public double A { get; init; } = 0.1;

    /// <summary>The factor per step, in (0, 1].</summary>
    public double Gamma { get; init; } = 0.99;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => Gamma == 1 ? new StepSizeDecay(0) : StepSizeDecay.Geometric;

    /// <inheritdoc/>
    public override string Formula => $"{StepSizeFormula.Number(A)}*{StepSizeFormula.Number(Gamma)}^k";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(A)
        .Within(Gamma, 0, 1, includeMin: false);

    /// <inheritdoc/>
    protected override double Compute(long k) => A * Math.Pow(Gamma, k);
}
