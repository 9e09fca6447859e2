namespace Cresset.Numerics;

/// <summary>Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations.</summary>
internal sealed class SymmetricEigen
{
    private const int MaximumSweeps = 60;

    private SymmetricEigen(double[] values, double[,] vectors) => (Values, Vectors) = (values, vectors);

    /// <summary>The eigenvalues, in no order.</summary>
    public double[] Values { get; }

    /// <summary>The eigenvectors in columns.</summary>
    public double[,] Vectors { get; }

    public static SymmetricEigen Of(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var a = (double[,])matrix.Clone();
        var v = new double[n, n];
        for (var i = 0; i < n; i++) v[i, i] = 1;
        for (var sweep = 0; sweep < MaximumSweeps; sweep++)
        {
            double off = 0, diagonal = 0;
            for (var i = 0; i < n; i++)
            {
                diagonal += a[i, i] * a[i, i];
                for (var j = 0; j < i; j++) off += a[i, j] * a[i, j];
            }
            if (off <= 1e-30 * (diagonal + off)) break;
            for (var p = 0; p < n; p++)
            {
                for (var q = p + 1; q < n; q++) Rotate(a, v, p, q);
            }
        }
        var values = new double[n];
        for (var i = 0; i < n; i++) values[i] = a[i, i];
        return new SymmetricEigen(values, v);
    }

    /// <summary>
    /// Solves |H| x = b, where |H| has the absolute eigenvalues, each at least <paramref name="floor"/> times the largest and at least
    /// <paramref name="floor"/>.
    /// </summary>
    public void SolvePositive(ReadOnlySpan<double> b, double floor, Span<double> x)
    {
        var n = Values.Length;
        var largest = 0.0;
        foreach (var value in Values) largest = Math.Max(largest, Math.Abs(value));
        var least = floor * Math.Max(largest, 1);
        x.Clear();
        for (var k = 0; k < n; k++)
        {
            var projection = 0.0;
            for (var i = 0; i < n; i++) projection += Vectors[i, k] * b[i];
            projection /= Math.Max(Math.Abs(Values[k]), least);
            for (var i = 0; i < n; i++) x[i] += Vectors[i, k] * projection;
        }
    }

    private static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        if (a[p, q] == 0) return;
        var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        var t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        var c = 1 / Math.Sqrt((t * t) + 1);
        var s = t * c;
        for (var k = 0; k < a.GetLength(0); k++)
        {
            (a[k, p], a[k, q]) = ((c * a[k, p]) - (s * a[k, q]), (s * a[k, p]) + (c * a[k, q]));
        }
        for (var k = 0; k < a.GetLength(0); k++)
        {
            (a[p, k], a[q, k]) = ((c * a[p, k]) - (s * a[q, k]), (s * a[p, k]) + (c * a[q, k]));
            (v[k, p], v[k, q]) = ((c * v[k, p]) - (s * v[k, q]), (s * v[k, p]) + (c * v[k, q]));
        }
    }
}
