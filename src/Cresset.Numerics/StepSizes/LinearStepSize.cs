namespace Cresset.Numerics;

/// <summary>Straight from Start to End in Steps updates, End afterwards: usual for exploration rates and finite training runs.</summary>
[Part("linear")]
public sealed record LinearStepSize : StepSizeRule
{
    /// <summary>The first size, at least 0.</summary>
    public double Start { get; init; } = 1;

    /// <summary>The size from update Steps on, at least 0.</summary>
    public double End { get; init; }

    /// <summary>Number of updates of the way, at least 1.</summary>
    public long Steps { get; init; } = 1000;

    /// <inheritdoc/>
    public override StepSizeDecay? Decay => End > 0 ? new StepSizeDecay(0) : StepSizeDecay.Geometric;

    /// <inheritdoc/>
    public override string Formula =>
        $"linear({StepSizeFormula.Number(Start)}, {StepSizeFormula.Number(End)}, {StepSizeFormula.Number(Steps)})";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Start, 0.0)
        .AtLeast(End, 0.0)
        .AtLeast(Steps, 1L);

    /// <inheritdoc/>
    protected override double Compute(long k) => k >= Steps ? End : Start + ((End - Start) * (k / (double)Steps));
}
