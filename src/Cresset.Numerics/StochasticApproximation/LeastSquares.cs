namespace Cresset.Numerics;

/// <summary>
/// Least squares <c>f(w) = (1/2n) sum (a_i . w - b_i)^2</c>, whose optimum is known exactly: the yardstick for stochastic gradient methods.
/// </summary>
public sealed class LeastSquares : IFiniteSum
{
    private readonly double[,] _rows;
    private readonly double[] _targets;

    /// <summary>The problem with design matrix <paramref name="rows"/> [n, d] and targets [n]; both are copied.</summary>
    /// <exception cref="ArgumentException">The sizes disagree or the normal equations are singular.</exception>
    public LeastSquares(double[,] rows, ReadOnlySpan<double> targets)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.GetLength(0) != targets.Length || targets.Length == 0)
            throw new ArgumentException(
                $"The matrix has {rows.GetLength(0)} rows, the targets {targets.Length}; both need the same count of at least 1.",
                nameof(targets));
        _rows = (double[,])rows.Clone();
        _targets = targets.ToArray();
        Optimum = Solve();
    }

    /// <summary>
    /// A random problem: Gaussian rows whose coordinates are scaled geometrically so that the Hessian has about the condition number asked
    /// for, a random solution, Gaussian noise on the targets.
    /// </summary>
    public static LeastSquares Random(int count, int dimension, double condition, double noise, RandomStream random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, dimension);
        ArgumentOutOfRangeException.ThrowIfLessThan(condition, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(noise);
        ArgumentNullException.ThrowIfNull(random);
        var rows = new double[count, dimension];
        var solution = new double[dimension];
        random.FillNormal(solution);
        var targets = new double[count];
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < dimension; j++)
            {
                var scale = dimension == 1 ? 1 : Math.Pow(condition, -0.5 * j / (dimension - 1));
                rows[i, j] = scale * random.NextNormal();
                targets[i] += rows[i, j] * solution[j];
            }
            targets[i] += noise * random.NextNormal();
        }
        return new LeastSquares(rows, targets);
    }

    /// <summary>The minimiser.</summary>
    public IReadOnlyList<double> Optimum { get; }

    /// <inheritdoc/>
    public int Count => _targets.Length;

    /// <inheritdoc/>
    public int Dimension => _rows.GetLength(1);

    /// <inheritdoc/>
    public double Value(ReadOnlySpan<double> x)
    {
        var sum = 0.0;
        for (var i = 0; i < Count; i++)
        {
            var r = Residual(i, x);
            sum += r * r;
        }
        return sum / (2 * Count);
    }

    /// <inheritdoc/>
    public void AddGradient(int index, ReadOnlySpan<double> x, double weight, Span<double> gradient)
    {
        var scaled = weight * Residual(index, x);
        for (var j = 0; j < gradient.Length; j++) gradient[j] += scaled * _rows[index, j];
    }

    private double Residual(int index, ReadOnlySpan<double> x)
    {
        var r = -_targets[index];
        for (var j = 0; j < x.Length; j++) r += _rows[index, j] * x[j];
        return r;
    }

    private double[] Solve()
    {
        var (n, d) = (Count, Dimension);
        var h = new double[d, d];
        var g = new double[d];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < d; j++)
            {
                g[j] += _rows[i, j] * _targets[i];
                for (var k = 0; k <= j; k++) h[j, k] += _rows[i, j] * _rows[i, k];
            }
        }
        for (var j = 0; j < d; j++)
        {
            for (var k = 0; k < j; k++)
            {
                for (var m = 0; m < k; m++) h[j, k] -= h[j, m] * h[k, m];
                h[j, k] /= h[k, k];
            }
            for (var m = 0; m < j; m++) h[j, j] -= h[j, m] * h[j, m];
            if (!(h[j, j] > 0))
                throw new ArgumentException($"Column {j} depends on the columns before it: the optimum is not unique.", "rows");
            h[j, j] = Math.Sqrt(h[j, j]);
        }
        for (var j = 0; j < d; j++)
        {
            for (var m = 0; m < j; m++) g[j] -= h[j, m] * g[m];
            g[j] /= h[j, j];
        }
        for (var j = d - 1; j >= 0; j--)
        {
            for (var m = j + 1; m < d; m++) g[j] -= h[m, j] * g[m];
            g[j] /= h[j, j];
        }
        return g;
    }
}
