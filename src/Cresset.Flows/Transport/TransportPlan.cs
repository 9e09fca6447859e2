namespace Cresset.Flows;

/// <summary>Transport plans between two weighted sets.</summary>
public static class TransportPlan
{
    /// <summary>The plan of least cost, by successive shortest paths.</summary>
    /// <param name="cost">Costs, row by row, rows x columns.</param>
    /// <param name="supply">Mass of each row, not negative.</param>
    /// <param name="demand">Mass of each column; sums to the supply's total.</param>
    /// <returns>Mass moved, row by row, rows x columns.</returns>
    /// <exception cref="ArgumentException">Sizes or masses do not fit.</exception>
    public static double[] Exact(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        Check(cost, supply, demand);
        int n = supply.Length, m = demand.Length;
        var plan = new double[n * m];
        double[] left = supply.ToArray(), open = demand.ToArray();
        double[] rowPrice = new double[n], columnPrice = new double[m];
        for (var i = 0; i < n; i++)
        {
            rowPrice[i] = double.PositiveInfinity;
            for (var j = 0; j < m; j++) rowPrice[i] = Math.Min(rowPrice[i], cost[i * m + j]);
        }
        var total = 0.0;
        foreach (var mass in supply) total += mass;
        var dust = 1e-13 * total;
        double[] rowDistance = new double[n], columnDistance = new double[m];
        int[] rowFrom = new int[n], columnFrom = new int[m];
        bool[] rowDone = new bool[n], columnDone = new bool[m];
        for (var start = 0; start < n; start++)
        {
            while (left[start] > dust)
            {
                Array.Fill(rowDistance, double.PositiveInfinity);
                Array.Fill(columnDistance, double.PositiveInfinity);
                Array.Clear(rowDone);
                Array.Clear(columnDone);
                rowDistance[start] = 0;
                var end = -1;
                // Dijkstra over rows and columns; arcs back to a row exist where the plan moves mass.
                while (end < 0)
                {
                    int row = Nearest(rowDistance, rowDone), column = Nearest(columnDistance, columnDone);
                    if (row < 0 && column < 0) return plan;
                    if (row >= 0 && (column < 0 || rowDistance[row] <= columnDistance[column]))
                    {
                        rowDone[row] = true;
                        for (var j = 0; j < m; j++)
                        {
                            var through = rowDistance[row] + Math.Max(0, cost[row * m + j] - rowPrice[row] - columnPrice[j]);
                            if (!columnDone[j] && through < columnDistance[j]) (columnDistance[j], columnFrom[j]) = (through, row);
                        }
                        continue;
                    }
                    columnDone[column] = true;
                    if (open[column] > dust) end = column;
                    for (var i = 0; end < 0 && i < n; i++)
                    {
                        if (rowDone[i] || plan[i * m + column] <= 0) continue;
                        var through = columnDistance[column] + Math.Max(0, -(cost[i * m + column] - rowPrice[i] - columnPrice[column]));
                        if (through < rowDistance[i]) (rowDistance[i], rowFrom[i]) = (through, column);
                    }
                }
                var reached = columnDistance[end];
                for (var i = 0; i < n; i++)
                {
                    if (rowDone[i]) rowPrice[i] += reached - rowDistance[i];
                }
                for (var j = 0; j < m; j++)
                {
                    if (columnDone[j]) columnPrice[j] -= reached - columnDistance[j];
                }
                var mass = Math.Min(left[start], open[end]);
                for (int column = end, row = columnFrom[end]; row != start; column = rowFrom[row], row = columnFrom[column])
                {
                    mass = Math.Min(mass, plan[row * m + rowFrom[row]]);
                }
                left[start] -= mass;
                open[end] -= mass;
                for (var column = end; ;)
                {
                    var row = columnFrom[column];
                    plan[row * m + column] += mass;
                    if (row == start) break;
                    column = rowFrom[row];
                    plan[row * m + column] = Math.Max(0, plan[row * m + column] - mass);
                }
            }
        }
        return plan;
    }

    /// <summary>The plan of least cost minus entropy (Cuturi 2013), by Sinkhorn's iterations in the log domain.</summary>
    /// <param name="cost">Costs, row by row.</param>
    /// <param name="supply">Mass of each row.</param>
    /// <param name="demand">Mass of each column.</param>
    /// <param name="regularisation">Weight of the entropy, in the cost's unit; smaller is closer to the exact plan and slower.</param>
    /// <param name="iterations">Most iterations.</param>
    /// <param name="tolerance">Largest error of the column masses at which to stop.</param>
    public static double[] Sinkhorn(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand, double regularisation, int iterations = 10_000, double tolerance = 1e-12)
    {
        Check(cost, supply, demand);
        if (!(regularisation > 0)) throw new ArgumentOutOfRangeException(nameof(regularisation), regularisation, "The weight of the entropy must be greater than 0.");
        int n = supply.Length, m = demand.Length;
        double[] f = new double[n], g = new double[m], terms = new double[Math.Max(n, m)];
        var plan = new double[n * m];
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            for (var j = 0; j < m; j++)
            {
                for (var i = 0; i < n; i++) terms[i] = (f[i] - cost[i * m + j]) / regularisation;
                g[j] = regularisation * (Math.Log(demand[j]) - LogSumExp(terms.AsSpan(0, n)));
            }
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < m; j++) terms[j] = (g[j] - cost[i * m + j]) / regularisation;
                f[i] = regularisation * (Math.Log(supply[i]) - LogSumExp(terms.AsSpan(0, m)));
            }
            if (iteration % 10 != 9 && iteration != iterations - 1) continue;
            var error = 0.0;
            for (var j = 0; j < m; j++)
            {
                var sum = 0.0;
                for (var i = 0; i < n; i++) sum += plan[i * m + j] = Math.Exp((f[i] + g[j] - cost[i * m + j]) / regularisation);
                error = Math.Max(error, Math.Abs(sum - demand[j]));
            }
            if (error <= tolerance) break;
        }
        return plan;
    }

    private static double LogSumExp(ReadOnlySpan<double> values)
    {
        var largest = double.NegativeInfinity;
        foreach (var value in values) largest = Math.Max(largest, value);
        if (double.IsInfinity(largest)) return largest;
        var sum = 0.0;
        foreach (var value in values) sum += Math.Exp(value - largest);
        return largest + Math.Log(sum);
    }

    private static int Nearest(double[] distance, bool[] done)
    {
        var best = -1;
        for (var i = 0; i < distance.Length; i++)
        {
            if (!done[i] && distance[i] < double.PositiveInfinity && (best < 0 || distance[i] < distance[best])) best = i;
        }
        return best;
    }

    private static void Check(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        if (cost.Length != (long)supply.Length * demand.Length) throw new ArgumentException($"cost holds {cost.Length} values; {supply.Length} x {demand.Length} are needed.", nameof(cost));
        foreach (var value in cost)
        {
            if (!double.IsFinite(value)) throw new ArgumentException($"cost holds {value}; costs must be finite.", nameof(cost));
        }
        double given = 0, wanted = 0;
        foreach (var value in supply) given += value >= 0 ? value : double.NaN;
        foreach (var value in demand) wanted += value >= 0 ? value : double.NaN;
        if (!(Math.Abs(given - wanted) <= 1e-9 * Math.Max(given, wanted))) throw new ArgumentException($"supply sums to {given:g9} and demand to {wanted:g9}; both must be non-negative and equal.", nameof(demand));
    }
}
