namespace Cresset.Rl;

/// <summary>Dense linear systems by elimination with partial pivoting.</summary>
internal static class LinearSystem
{
    /// <summary>Solves matrix * x = right; both are overwritten.</summary>
    /// <returns>The solution, or null when the matrix is singular to working precision.</returns>
    public static double[]? Solve(double[][] matrix, double[] right)
    {
        var n = right.Length;
        var scale = 0.0;
        foreach (var row in matrix) scale = Math.Max(scale, row.Max(Math.Abs));
        for (var k = 0; k < n; k++)
        {
            var pivot = k;
            for (var i = k + 1; i < n; i++)
            {
                if (Math.Abs(matrix[i][k]) > Math.Abs(matrix[pivot][k])) pivot = i;
            }
            if (Math.Abs(matrix[pivot][k]) <= 1e-13 * scale) return null;
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
        return right;
    }
}
