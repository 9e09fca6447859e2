namespace Cresset.Rl;

/// <summary>
/// Features turned into ones that are orthonormal under a distribution of states: <c>Phi = Q R</c>. Systems over them are as well
/// conditioned as the task is; the normal equations of the raw features square their condition and lose polynomials of order 10.
/// </summary>
internal sealed class OrthonormalFeatures
{
    private readonly double[][] _triangle;
    private readonly double[] _scales;

    private OrthonormalFeatures(double[][] rows, double[][] triangle, double[] scales) =>
        (Rows, _triangle, _scales) = (rows, triangle, scales);

    /// <summary>The orthonormal features of each state, [states][features].</summary>
    public double[][] Rows { get; }

    /// <summary>Makes them; null when the features are linearly dependent on the states that count.</summary>
    public static OrthonormalFeatures? Of(IReadOnlyList<double[]> features, ReadOnlySpan<double> distribution)
    {
        var (states, n) = (features.Count, features[0].Length);
        var columns = new double[n][];
        var triangle = new double[n][];
        var scales = new double[n];
        for (var k = 0; k < n; k++)
        {
            var column = columns[k] = new double[states];
            for (var s = 0; s < states; s++) column[s] = Math.Sqrt(distribution[s]) * features[s][k];
            var norm = Norm(column);
            if (!(norm > 0) || !double.IsFinite(norm)) return null;
            scales[k] = norm;
            for (var s = 0; s < states; s++) column[s] /= norm;
            triangle[k] = new double[n];
            // Twice is enough (Giraud et al. 2005): the second pass takes away what rounding left of the columns before.
            for (var pass = 0; pass < 2; pass++)
            {
                for (var j = 0; j < k; j++)
                {
                    var share = LinearValueLearner.Dot(columns[j], column);
                    triangle[j][k] += share;
                    LinearValueLearner.AddScaled(column, -share, columns[j]);
                }
            }
            var rest = Norm(column);
            if (!(rest > 1e-15 * Math.Max(16, n))) return null;
            triangle[k][k] = rest;
            for (var s = 0; s < states; s++) column[s] /= rest;
        }
        var made = new OrthonormalFeatures(new double[states][], triangle, scales);
        for (var s = 0; s < states; s++)
        {
            // States that do not count have no row of Q; the same map gives them theirs.
            made.Rows[s] = distribution[s] > 0 ? Row(columns, s, Math.Sqrt(distribution[s])) : made.Map(features[s]);
        }
        return made;
    }

    /// <summary>Weights of the raw features for weights of the orthonormal ones.</summary>
    public double[] ToRaw(ReadOnlySpan<double> weights)
    {
        var raw = weights.ToArray();
        for (var i = raw.Length - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < raw.Length; j++) raw[i] -= _triangle[i][j] * raw[j];
            raw[i] /= _triangle[i][i];
        }
        for (var i = 0; i < raw.Length; i++) raw[i] /= _scales[i];
        return raw;
    }

    private static double[] Row(double[][] columns, int state, double root) => [.. columns.Select(c => c[state] / root)];

    private double[] Map(double[] features)
    {
        var mapped = new double[features.Length];
        for (var k = 0; k < mapped.Length; k++)
        {
            mapped[k] = features[k] / _scales[k];
            for (var j = 0; j < k; j++) mapped[k] -= mapped[j] * _triangle[j][k];
            mapped[k] /= _triangle[k][k];
        }
        return mapped;
    }

    private static double Norm(double[] values)
    {
        var largest = values.Max(Math.Abs);
        if (!(largest > 0) || !double.IsFinite(largest)) return largest;
        var sum = 0.0;
        foreach (var value in values) sum += value / largest * (value / largest);
        return largest * Math.Sqrt(sum);
    }
}
