namespace Cresset.Flows;

/// <summary>The coefficients of an explicit Runge-Kutta method.</summary>
/// <param name="Order">Order of the solution that is carried on.</param>
/// <param name="Nodes">c: times of the stages after the first, as shares of the step.</param>
/// <param name="Weights">a: row i holds the weights of the slopes before stage i + 1.</param>
/// <param name="Solution">b; null when the last row of <see cref="Weights"/> is the solution (first same as last).</param>
/// <param name="Error">b minus the embedded solution; null for fixed-step methods.</param>
/// <param name="Mid">Weights of the solution at half the step for the quartic interpolant; null where cubic Hermite is used.</param>
internal sealed record ButcherTableau(int Order, double[] Nodes, double[][] Weights, double[]? Solution, double[]? Error, double[]? Mid)
{
    /// <summary>Whether the last stage is the slope at the end of the step.</summary>
    public bool FirstSameAsLast => Solution is null;

    public static ButcherTableau Of(OdeMethod method) => method switch
    {
        OdeMethod.Euler => FixedTableaus.Euler,
        OdeMethod.Midpoint => FixedTableaus.Midpoint,
        OdeMethod.Heun => FixedTableaus.Heun,
        OdeMethod.Heun3 => FixedTableaus.Heun3,
        OdeMethod.Rk4 => FixedTableaus.Rk4,
        OdeMethod.Rk4ThreeEighths => FixedTableaus.Rk4ThreeEighths,
        OdeMethod.AdaptiveHeun => EmbeddedTableaus.AdaptiveHeun,
        OdeMethod.Bosh3 => EmbeddedTableaus.Bosh3,
        OdeMethod.Dopri5 => EmbeddedTableaus.Dopri5,
        OdeMethod.Tsit5 => EmbeddedTableaus.Tsit5,
        OdeMethod.Dopri8 => Dopri8Tableau.Instance,
        OdeMethod.Rodas4 => EmbeddedTableaus.Rodas4,
        _ => throw new ArgumentOutOfRangeException(nameof(method), method,
            $"Unknown method; allowed: {string.Join(", ", Enum.GetNames<OdeMethod>())}."),
    };
}
