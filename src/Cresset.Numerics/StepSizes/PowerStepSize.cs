namespace Cresset.Numerics;

/// <summary>
/// <c>A / (k + 1 + Stability)^Alpha</c> for k = 0, 1, ...: 1/k (the sample mean) by default.
/// Robbins and Monro (1951) need 1/2 &lt; Alpha &lt;= 1; Polyak and Ruppert's averaging needs 1/2 &lt; Alpha &lt; 1; Spall (1998) advises
/// 0.602 with a stability constant of about a tenth of the steps.
/// </summary>
[Part("power", "Robbins and Monro 1951")]
public sealed record PowerStepSize : StepSizeRule
{
    /// <summary>The numerator, greater than 0.</summary>
    public double A { get; init; } = 1;

    /// <summary>The exponent, at least 0.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Added to the counter so that the first steps are not too large; at least 0.</summary>
    public double Stability { get; init; }

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => new StepSizeDecay(Alpha);

    /// <inheritdoc/>
    public override string Formula
    {
        get
        {
            var counter = Stability == 0 ? "k" : $"(k+{StepSizeFormula.Number(Stability)})";
            var power = Alpha == 1 ? "" : "^" + StepSizeFormula.Number(Alpha);
            return $"{StepSizeFormula.Number(A)}/{counter}{power}";
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(A)
        .AtLeast(Alpha, 0.0)
        .AtLeast(Stability, 0.0);

    /// <inheritdoc/>
    protected override double Compute(long k)
    {
        var counter = k + 1 + Stability;
        return A / (Alpha == 1 ? counter : Math.Pow(counter, Alpha));
    }
}
