namespace Cresset.Numerics;

/// <summary>What all stochastic approximations share.</summary>
public sealed record ApproximationOptions : IOptionsRecord
{
    /// <summary>The step sizes a_k.</summary>
    public StepSizeRule Steps { get; init; } = StepSizeRule.Power(1, 0.75);

    /// <summary>Averaging of the iterates; null for none.</summary>
    public IterateAverageOptions? Averaging { get; init; }

    /// <summary>Every coordinate is kept at or above this after each update (a projection, needed where M grows too fast).</summary>
    public double LowerBound { get; init; } = double.NegativeInfinity;

    /// <summary>Every coordinate is kept at or below this after each update.</summary>
    public double UpperBound { get; init; } = double.PositiveInfinity;

    /// <summary>The longest move of one update (Euclidean); infinity for no limit.</summary>
    public double MaximumMove { get; init; } = double.PositiveInfinity;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Steps is not null, Steps, "a step-size rule")
        .Nested(Steps)
        .Nested(Averaging)
        .Must(LowerBound < UpperBound, LowerBound, $"below UpperBound ({UpperBound})", field: nameof(LowerBound))
        .Must(MaximumMove > 0, MaximumMove, "greater than 0");
}
