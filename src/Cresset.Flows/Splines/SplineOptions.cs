using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>From raw numbers to bin widths, heights and slopes.</summary>
public enum SplineParameters
{
    /// <summary>Softmax with a least bin, softplus slopes with a least slope (Durkan et al. 2019, nflows).</summary>
    Softmax,

    /// <summary>
    /// As <see cref="Softmax"/>, with softplus scaled so that zeros give the identity inside the outermost bins; the end slopes are
    /// nflows', not 1.
    /// </summary>
    SoftmaxIdentity,

    /// <summary>Soft-clipped softmax, exponential slopes (zuko).</summary>
    SoftClip,
}

/// <summary>What the spline does outside its interval.</summary>
public enum SplineTails
{
    /// <summary>The identity; slopes at the ends are 1.</summary>
    Linear,

    /// <summary>Nothing: all values must lie inside; slopes at the ends are free.</summary>
    None,

    /// <summary>The interval is a circle: values wrap, both ends share one slope.</summary>
    Circular,
}

/// <summary>Settings of a rational-quadratic spline.</summary>
public sealed record SplineOptions : IOptionsRecord
{
    /// <summary>Number of bins.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Left end of the interval; bottom too.</summary>
    public double Low { get; init; } = -5;

    /// <summary>Right end of the interval; top too.</summary>
    public double High { get; init; } = 5;

    /// <summary>Behaviour outside.</summary>
    public SplineTails Tails { get; init; } = SplineTails.Linear;

    /// <summary>Meaning of the raw numbers.</summary>
    public SplineParameters Parameters { get; init; } = SplineParameters.Softmax;

    /// <summary>Factor on raw widths and heights; nflows divides by the root of the network's width.</summary>
    public double RawScale { get; init; } = 1;

    /// <summary>Smallest share of the interval a bin takes; softmax parameters.</summary>
    public double MinBin { get; init; } = 1e-3;

    /// <summary>Smallest slope at a knot.</summary>
    public double MinSlope { get; init; } = 1e-3;

    /// <summary>Raw numbers per value.</summary>
    public int RawCount => 2 * Bins + Tails switch { SplineTails.Linear => Bins - 1, SplineTails.None => Bins + 1, _ => Bins };

    /// <summary>The interval [-bound, bound].</summary>
    public static SplineOptions Bounded(double bound, int bins = 8) => new() { Low = -bound, High = bound, Bins = bins };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Bins, 2, 256)
        .Must(High > Low && double.IsFinite(High - Low), High, $"greater than Low ({Low})")
        .Defined(Tails)
        .Defined(Parameters)
        .Positive(RawScale)
        .Within(MinBin, 0, 1, includeMin: true, includeMax: false)
        .Must(MinBin * Bins < 1, MinBin, $"below 1 / Bins ({1.0 / Bins:g3})")
        .Within(MinSlope, 0, 1, includeMin: false, includeMax: false);
}
