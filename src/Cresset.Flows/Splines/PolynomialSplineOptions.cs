using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>Settings of a <see cref="PolynomialSpline"/>.</summary>
public sealed record PolynomialSplineOptions : IOptionsRecord
{
    /// <summary>
    /// 1 for linear, 2 for quadratic (Müller et al. 2019), 3 for monotone cubic pieces (Durkan et al. 2019, cubic-spline flows).
    /// </summary>
    public int Degree { get; init; } = 2;

    /// <summary>Number of bins.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Left end of the interval; bottom too.</summary>
    public double Low { get; init; } = -5;

    /// <summary>Right end of the interval; top too.</summary>
    public double High { get; init; } = 5;

    /// <summary>
    /// Behaviour outside: the identity, or nothing. Quadratic pieces then have slope 1 at the ends; linear and cubic ones have a kink
    /// there.
    /// </summary>
    public SplineTails Tails { get; init; } = SplineTails.Linear;

    /// <summary>Factor on raw widths and heights; nflows divides by the root of the network's width.</summary>
    public double RawScale { get; init; } = 1;

    /// <summary>
    /// Smallest share of the interval a bin takes; smallest height of a quadratic piece's density and share of a cubic one's rise.
    /// </summary>
    public double MinBin { get; init; } = 1e-3;

    /// <summary>Raw numbers per value.</summary>
    public int RawCount => Degree switch { 1 => Bins, 2 => Bins + (Tails == SplineTails.Linear ? Bins - 1 : Bins + 1), _ => 2 * Bins + 2 };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Degree, 1, 3)
        .Within(Bins, 2, 256)
        .Must(High > Low && double.IsFinite(High - Low), High, $"greater than Low ({Low})")
        .Must(Tails is SplineTails.Linear or SplineTails.None, Tails, "Linear or None",
            "Circular tails need the rational-quadratic spline.")
        .Positive(RawScale)
        .Within(MinBin, 0, 1, includeMin: true, includeMax: false)
        .Must(MinBin * Bins < 1, MinBin, $"below 1 / Bins ({1.0 / Bins:g3})");
}
