namespace Cresset.Numerics;

/// <summary>What all stochastic approximations share.</summary>
public sealed record ApproximationOptions : IOptionsRecord
{
    /// <summary>The step sizes a_k.</summary>
    public StepSizeRule Steps { get; init; } = StepSizeRule.Power(1, 0.75);

    /// <summary>Averaging of the iterates; null for none.</summary>
    public IterateAverageOptions? Averaging { get; init; }

    /// <summary>
    /// Every coordinate is kept at or above this (a projection, needed where M grows too fast). Probes of the objective keep to it too.
    /// </summary>
    public double LowerBound { get; init; } = double.NegativeInfinity;

    /// <summary>Every coordinate is kept at or below this, probes of the objective as well.</summary>
    public double UpperBound { get; init; } = double.PositiveInfinity;

    /// <summary>A lower bound for each coordinate, beside <see cref="LowerBound"/>; null for none.</summary>
    public IReadOnlyList<double>? LowerBounds { get; init; }

    /// <summary>An upper bound for each coordinate, beside <see cref="UpperBound"/>; null for none.</summary>
    public IReadOnlyList<double>? UpperBounds { get; init; }

    /// <summary>
    /// Kesten's rule (1958): the step size falls only where the direction turns, so that steps stay long on the way and shorten around the
    /// goal.
    /// In several dimensions a turn is a negative inner product of two directions (Delyon and Juditsky 1993).
    /// </summary>
    public bool CountTurns { get; init; }

    /// <summary>The longest move of one update (Euclidean); infinity for no limit.</summary>
    public double MaximumMove { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// Blocking (Spall 1998, section 5.4): a move is not made when the objective, asked once more where it leads, lies above the value
    /// before by more than this; about twice the noise's deviation. Infinity never blocks. For methods that have an objective.
    /// </summary>
    public double Blocking { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// A run stops early when no coordinate (of the average, where there is one) has left the place it was in by more than this for
    /// <see cref="StillFor"/> updates; 0 never.
    /// </summary>
    public double StillWithin { get; init; }

    /// <summary>Updates that <see cref="StillWithin"/> has to hold for.</summary>
    public long StillFor { get; init; } = 100;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Steps is not null, Steps, "a step-size rule")
        .Nested(Steps)
        .Nested(Averaging)
        .Must(LowerBound < UpperBound, LowerBound, $"below UpperBound ({UpperBound})", field: nameof(LowerBound))
        .Must(LowerBounds is null || !LowerBounds.Any(double.IsNaN), LowerBounds, "numbers", field: nameof(LowerBounds))
        .Must(UpperBounds is null || !UpperBounds.Any(double.IsNaN), UpperBounds, "numbers", field: nameof(UpperBounds))
        .Must(MaximumMove > 0, MaximumMove, "greater than 0")
        .Must(Blocking >= 0, Blocking, "at least 0, or infinity")
        .AtLeast(StillWithin, 0.0)
        .AtLeast(StillFor, 1L);
}
