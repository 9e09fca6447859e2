using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Transport plans between two weighted sets.</summary>
public static class TransportPlan
{
    /// <summary>The plan of least cost, by the network simplex: 2,000 x 2,500 points take about a second.</summary>
    /// <param name="cost">Costs, row by row, rows x columns.</param>
    /// <param name="supply">Mass of each row, not negative.</param>
    /// <param name="demand">Mass of each column; sums to the supply's total.</param>
    /// <returns>Mass moved, row by row, rows x columns.</returns>
    /// <exception cref="ArgumentException">Sizes or masses do not fit.</exception>
    public static double[] Exact(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        Check(cost, supply, demand);
        return NetworkSimplex.Solve(cost, supply, demand);
    }

    /// <summary>The plan of least cost minus entropy (Cuturi 2013), by Sinkhorn's iterations, stabilised.</summary>
    /// <param name="cost">Costs, row by row.</param>
    /// <param name="supply">Mass of each row.</param>
    /// <param name="demand">Mass of each column.</param>
    /// <param name="regularisation">Weight of the entropy, in the cost's unit; smaller is closer to the exact plan and slower.</param>
    /// <param name="iterations">Most iterations.</param>
    /// <param name="tolerance">Largest error of the column masses at which to stop.</param>
    /// <exception cref="ArithmeticException">After the iterations a column's mass is still off by more than a thousandth of the
    /// largest.</exception>
    public static double[] Sinkhorn(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand,
        double regularisation, int iterations = 10_000, double tolerance = 1e-12)
    {
        Check(cost, supply, demand);
        if (!(regularisation > 0))
            throw new ArgumentOutOfRangeException(nameof(regularisation), regularisation,
                "The weight of the entropy must be greater than 0.");
        if (!double.IsFinite(regularisation))
            throw new ArgumentOutOfRangeException(nameof(regularisation), regularisation, "The weight of the entropy must be finite.");
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        if (!(tolerance >= 0) || !double.IsFinite(tolerance))
            throw new ArgumentOutOfRangeException(nameof(tolerance), tolerance, "The tolerance must be finite and at least 0.");
        var largest = 0.0;
        foreach (var mass in demand) largest = Math.Max(largest, mass);
        var (plan, error) = SinkhornScaling.Solve(cost, supply, demand, regularisation, iterations, tolerance);
        if (!(error <= Math.Max(tolerance, 1e-3 * largest)))
            throw new ArithmeticException(
                $"Sinkhorn: after {iterations} iterations a column's mass is off by {error:g3}, {100 * error / largest:g3} % of the "
                    + $"largest. Raise the regularisation ({regularisation:g3}) or the iterations; TransportPlan.Exact needs neither.");
        return plan;
    }

    /// <summary>Draws entries of a plan with their mass as probability.</summary>
    /// <param name="plan">Masses, not negative.</param>
    /// <param name="count">Number of draws.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>int64 [count]: row times columns plus column of each drawn entry.</returns>
    public static Tensor Draw(ReadOnlySpan<double> plan, int count, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var sums = new double[plan.Length];
        var total = 0.0;
        for (var i = 0; i < plan.Length; i++)
        {
            if (!(plan[i] >= 0) || !double.IsFinite(plan[i]))
                throw new ArgumentException($"plan[{i}] is {plan[i]}; masses must be finite and not negative.", nameof(plan));
            sums[i] = total += plan[i];
        }
        if (!(total > 0)) throw new ArgumentException("The plan moves no mass: there is nothing to draw.", nameof(plan));
        using var scope = NewDisposeScope();
        var uniform = rand(count, dtype: ScalarType.Float64, generator: generator).data<double>().ToArray();
        var drawn = new long[count];
        for (var i = 0; i < count; i++)
        {
            var at = Array.BinarySearch(sums, uniform[i] * total);
            // The first entry whose running sum lies above: entries without mass are passed over.
            at = at < 0 ? ~at : at + 1;
            while (at < plan.Length - 1 && plan[at] == 0) at++;
            drawn[i] = Math.Min(at, plan.Length - 1);
        }
        return tensor(drawn).MoveToOuterDisposeScope();
    }

    private static void Check(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        if (cost.Length != (long)supply.Length * demand.Length)
            throw new ArgumentException($"cost holds {cost.Length} values; {supply.Length} x {demand.Length} are needed.", nameof(cost));
        foreach (var value in cost)
        {
            if (!double.IsFinite(value)) throw new ArgumentException($"cost holds {value}; costs must be finite.", nameof(cost));
        }
        double given = 0, wanted = 0;
        foreach (var value in supply) given += Mass(value, nameof(supply));
        foreach (var value in demand) wanted += Mass(value, nameof(demand));
        if (!(Math.Abs(given - wanted) <= 1e-9 * Math.Max(given, wanted)))
            throw new ArgumentException($"supply sums to {given:g9} and demand to {wanted:g9}; both must be equal.",
                nameof(demand));
    }

    private static double Mass(double value, string name) => value >= 0 && double.IsFinite(value) ? value
        : throw new ArgumentException($"{name} holds {value}; masses are finite and not negative.", name);
}
