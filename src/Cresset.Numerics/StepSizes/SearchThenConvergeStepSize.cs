namespace Cresset.Numerics;

/// <summary>
/// <c>A / (1 + (k / Tau)^DecayPower)</c>: about A during the search phase of Tau steps, then k^-DecayPower (Darken and Moody 1991).
/// </summary>
[Part("search", "Darken and Moody 1990", Aliases = ["search-then-converge"])]
public sealed record SearchThenConvergeStepSize : StepSizeRule
{
    /// <summary>The size at the start, greater than 0.</summary>
    public double A { get; init; } = 0.1;

    /// <summary>Length of the search phase in steps, greater than 0.</summary>
    public double Tau { get; init; } = 100;

    /// <summary>Exponent of the final decay, greater than 0.</summary>
    public double DecayPower { get; init; } = 1;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => new StepSizeDecay(DecayPower);

    /// <inheritdoc/>
    public override string Formula =>
        $"search({StepSizeFormula.Number(A)}, {StepSizeFormula.Number(Tau)}, {StepSizeFormula.Number(DecayPower)})";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Positive(A).Positive(Tau).Positive(DecayPower);

    /// <inheritdoc/>
    protected override double Compute(long k) => A / (1 + (DecayPower == 1 ? k / Tau : Math.Pow(k / Tau, DecayPower)));
}
