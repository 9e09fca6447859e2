using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Takes the action with the largest <c>value + c sqrt(ln N / n)</c>, where N counts the visits of the state and n those of the action; an
/// action that was never taken comes first (Auer et al. 2002, in every state by itself). A share <see cref="Exploration.Epsilon"/> of
/// actions is uniformly random beside.
/// </summary>
[Part("ucb", "Auer et al. 2002")]
public sealed record UpperConfidenceExploration : Exploration
{
    /// <summary>Begins without uniformly random actions.</summary>
    public UpperConfidenceExploration() => Epsilon = 0;

    /// <summary>The factor c, in the units of the values.</summary>
    public double Confidence { get; init; } = 1;

    /// <inheritdoc/>
    public override bool CountsVisits => true;

    /// <inheritdoc/>
    protected override double Strength => Confidence;

    /// <inheritdoc/>
    public override int Choose(ReadOnlySpan<double> values, double strength, RandomStream random, ReadOnlySpan<long> visits = default)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (Epsilon > 0 && random.NextDouble() < Epsilon) return RandomAction(values, random);
        Span<double> bounds = values.Length <= 256 ? stackalloc double[values.Length] : new double[values.Length];
        Bounds(values, strength, visits, bounds);
        return Best(bounds, random);
    }

    /// <inheritdoc/>
    public override void Probabilities(ReadOnlySpan<double> values, double strength, Span<double> probabilities,
        ReadOnlySpan<long> visits = default)
    {
        Span<double> bounds = values.Length <= 256 ? stackalloc double[values.Length] : new double[values.Length];
        Bounds(values, strength, visits, bounds);
        Mix(bounds, Epsilon, probabilities);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().AtLeast(Confidence, 0.0)];

    private static void Bounds(ReadOnlySpan<double> values, double confidence, ReadOnlySpan<long> visits, Span<double> bounds)
    {
        if (visits.Length != values.Length)
            throw new ArgumentException(
                $"There are {visits.Length} counts of visits for {values.Length} actions; upper confidence bounds need one for each.",
                nameof(visits));
        var all = 0L;
        foreach (var count in visits) all += count;
        for (var a = 0; a < values.Length; a++)
        {
            bounds[a] = double.IsNegativeInfinity(values[a]) ? double.NegativeInfinity
                : visits[a] == 0 ? double.PositiveInfinity
                : values[a] + (confidence * Math.Sqrt(Math.Log(all) / visits[a]));
        }
    }
}
