namespace Cresset.Rl;

/// <summary>Dense linear systems by elimination with partial pivoting, after rows and columns were brought to one scale.</summary>
internal static class LinearSystem
{
    private const double UnitRoundoff = 1.1102230246251565e-16;

    /// <summary>Solves matrix * x = right; both are overwritten.</summary>
    /// <returns>The solution, or null when the matrix is singular to working precision.</returns>
    public static double[]? Solve(double[][] matrix, double[] right, CancellationToken cancellation = default)
    {
        var n = right.Length;
        if (Equilibrate(matrix, right) is not { } columns) return null;
        // Entries are of order 1 now: what elimination leaves behind of a dependent row is rounding, n times the unit.
        var smallest = 8 * Math.Max(n, 16) * UnitRoundoff;
        for (var k = 0; k < n; k++)
        {
            cancellation.ThrowIfCancellationRequested();
            var pivot = k;
            for (var i = k + 1; i < n; i++)
            {
                if (Math.Abs(matrix[i][k]) > Math.Abs(matrix[pivot][k])) pivot = i;
            }
            if (!(Math.Abs(matrix[pivot][k]) > smallest)) return null;
            (matrix[k], matrix[pivot]) = (matrix[pivot], matrix[k]);
            (right[k], right[pivot]) = (right[pivot], right[k]);
            var top = matrix[k].AsSpan();
            for (var i = k + 1; i < n; i++)
            {
                var factor = matrix[i][k] / top[k];
                if (factor == 0) continue;
                var row = matrix[i].AsSpan();
                for (var j = k + 1; j < n; j++) row[j] -= factor * top[j];
                right[i] -= factor * right[k];
            }
        }
        for (var i = n - 1; i >= 0; i--)
        {
            var sum = right[i];
            var row = matrix[i];
            for (var j = i + 1; j < n; j++) sum -= row[j] * right[j];
            right[i] = sum / row[i];
        }
        for (var i = 0; i < n; i++) right[i] = Math.ScaleB(right[i], columns[i]);
        return right;
    }

    // Powers of two change no digit. Null for a row or column of zeros, or a value that is not finite.
    private static int[]? Equilibrate(double[][] matrix, double[] right)
    {
        var n = right.Length;
        var columns = new int[n];
        for (var pass = 0; pass < 2; pass++)
        {
            for (var i = 0; i < n; i++)
            {
                var largest = matrix[i].Max(Math.Abs);
                if (!(largest > 0) || !double.IsFinite(largest)) return null;
                var shift = -Math.ILogB(largest);
                if (shift == 0) continue;
                for (var j = 0; j < n; j++) matrix[i][j] = Math.ScaleB(matrix[i][j], shift);
                right[i] = Math.ScaleB(right[i], shift);
            }
            for (var j = 0; j < n; j++)
            {
                var largest = 0.0;
                for (var i = 0; i < n; i++) largest = Math.Max(largest, Math.Abs(matrix[i][j]));
                if (!(largest > 0)) return null;
                var shift = -Math.ILogB(largest);
                if (shift == 0) continue;
                columns[j] += shift;
                for (var i = 0; i < n; i++) matrix[i][j] = Math.ScaleB(matrix[i][j], shift);
            }
        }
        return columns;
    }
}
