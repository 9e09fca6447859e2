namespace Cresset.Numerics;

/// <summary>
/// <c>A / ((k + 2)^Alpha * ln(k + 2)^LogPower)</c> for k = 0, 1, ...: the border of the Robbins-Monro conditions.
/// With Alpha = 1 the sum still diverges for LogPower up to 1; with Alpha = 1/2 the squares converge from LogPower above 1/2.
/// </summary>
[Part("logpower", Aliases = ["log-power"])]
public sealed record LogPowerStepSize : StepSizeRule
{
    /// <summary>The numerator, greater than 0.</summary>
    public double A { get; init; } = 1;

    /// <summary>The exponent of k, at least 0.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>The exponent of the logarithm, at least 0.</summary>
    public double LogPower { get; init; } = 1;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => new StepSizeDecay(Alpha, LogPower);

    /// <inheritdoc/>
    public override string Formula =>
        $"logpower({StepSizeFormula.Number(A)}, {StepSizeFormula.Number(Alpha)}, {StepSizeFormula.Number(LogPower)})";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(A)
        .AtLeast(Alpha, 0.0)
        .AtLeast(LogPower, 0.0);

    /// <inheritdoc/>
    protected override double Compute(long k) => A / (Math.Pow(k + 2.0, Alpha) * Math.Pow(Math.Log(k + 2.0), LogPower));
}
