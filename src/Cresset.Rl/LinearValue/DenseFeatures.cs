namespace Cresset.Rl;

/// <summary>Products of powers of the state's values.</summary>
public sealed class PolynomialFeatures : FeatureMap
{
    private readonly int[][] _exponents;

    /// <summary>
    /// All products with exponents 0 to <paramref name="order"/> in each of <paramref name="dimensions"/> dimensions, the first outermost.
    /// </summary>
    public PolynomialFeatures(int dimensions, int order)
        : this(Grid(dimensions, order))
    {
    }

    /// <summary>Products with the given exponents, one row per feature.</summary>
    /// <exception cref="ArgumentException">There are no rows, they differ in length, or an exponent is negative.</exception>
    public PolynomialFeatures(IReadOnlyList<int[]> exponents)
    {
        if (exponents.Count == 0 || exponents.Any(e => e.Length != exponents[0].Length || e.Any(x => x < 0)))
            throw new ArgumentException("Exponents must be rows of equal length without negative numbers.", nameof(exponents));
        _exponents = [.. exponents];
    }

    /// <summary>
    /// Monomials of x and y up to a total degree of 1, 2 or 3 in the order of Zhao's book: 1, x, y, x2, y2, xy, x3, y3, x2y, xy2.
    /// </summary>
    public static PolynomialFeatures TotalDegree(int degree)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degree, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(degree, 3);
        int[][] all = [[0, 0], [1, 0], [0, 1], [2, 0], [0, 2], [1, 1], [3, 0], [0, 3], [2, 1], [1, 2]];
        return new PolynomialFeatures(all[..(degree * (degree + 1) / 2 + degree + 1)]);
    }

    /// <inheritdoc/>
    public override int Count => _exponents.Length;

    /// <inheritdoc/>
    public override int Dimensions => _exponents[0].Length;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<double> state, Span<double> features)
    {
        for (var i = 0; i < features.Length; i++)
        {
            var product = 1.0;
            for (var j = 0; j < state.Length; j++)
            {
                for (var k = 0; k < _exponents[i][j]; k++) product *= state[j];
            }
            features[i] = product;
        }
    }
}

/// <summary>The Fourier cosine basis cos(pi c . s) for states in the unit cube (Konidaris, Osentoski and Thomas 2011).</summary>
public sealed class FourierFeatures(int dimensions, int order) : FeatureMap
{
    private readonly int[][] _frequencies = Grid(dimensions, order);

    /// <inheritdoc/>
    public override int Count => _frequencies.Length;

    /// <inheritdoc/>
    public override int Dimensions => dimensions;

    /// <summary>Factors of the step size: 1 over the length of each frequency vector, 1 for the constant.</summary>
    public double[] StepSizeScales() =>
        Array.ConvertAll(_frequencies, c => Math.Sqrt(c.Sum(x => (double)x * x)) is var length and > 0 ? 1 / length : 1);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<double> state, Span<double> features)
    {
        for (var i = 0; i < features.Length; i++)
        {
            var dot = 0.0;
            for (var j = 0; j < state.Length; j++) dot += _frequencies[i][j] * state[j];
            features[i] = Math.Cos(Math.PI * dot);
        }
    }
}

/// <summary>Gaussian bumps exp(-|s - c|^2 / (2 sigma^2)), plain or normalised to a sum of 1.</summary>
public sealed class RadialBasisFeatures : FeatureMap
{
    private readonly double[][] _centers;
    private readonly double _sigma;
    private readonly bool _normalized;

    /// <summary>Bumps at <paramref name="centers"/>.</summary>
    /// <exception cref="ArgumentException">There are no centres or they differ in length, or sigma is not positive.</exception>
    public RadialBasisFeatures(IReadOnlyList<double[]> centers, double sigma, bool normalized = false)
    {
        if (centers.Count == 0 || centers.Any(c => c.Length != centers[0].Length))
            throw new ArgumentException("Centres must be rows of equal length.", nameof(centers));
        if (!(sigma > 0)) throw new ArgumentException($"The width sigma is {sigma}; it must be positive.", nameof(sigma));
        (_centers, _sigma, _normalized) = ([.. centers], sigma, normalized);
    }

    /// <summary>A grid of <paramref name="side"/> centres a dimension over the unit cube, the first dimension outermost.</summary>
    public static RadialBasisFeatures UnitGrid(int dimensions, int side, double sigma, bool normalized = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 2);
        return new([.. Grid(dimensions, side - 1).Select(row => Array.ConvertAll(row, x => x / (double)(side - 1)))], sigma, normalized);
    }

    /// <inheritdoc/>
    public override int Count => _centers.Length;

    /// <inheritdoc/>
    public override int Dimensions => _centers[0].Length;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<double> state, Span<double> features)
    {
        var largest = double.NegativeInfinity;
        for (var i = 0; i < features.Length; i++)
        {
            var square = 0.0;
            for (var j = 0; j < state.Length; j++) square += (state[j] - _centers[i][j]) * (state[j] - _centers[i][j]);
            features[i] = -square / (2 * _sigma * _sigma);
            largest = Math.Max(largest, features[i]);
        }
        // Shares do not change when all bumps are scaled alike; far from every centre the bumps themselves would all be 0.
        var scale = _normalized ? largest : 0;
        var total = 0.0;
        for (var i = 0; i < features.Length; i++) total += features[i] = Math.Exp(features[i] - scale);
        for (var i = 0; _normalized && i < features.Length; i++) features[i] /= total;
    }
}

/// <summary>
/// State aggregation: one feature a group of neighbouring state numbers (from 0), all groups of the same size but for the last.
/// </summary>
public sealed class AggregationFeatures : FeatureMap
{
    private readonly int _size;

    /// <summary>Divides <paramref name="states"/> states into <paramref name="groups"/> groups.</summary>
    public AggregationFeatures(int states, int groups)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groups, states);
        _size = (states + groups - 1) / groups;
        Count = groups;
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int Dimensions => 1;

    /// <summary>The group of a state.</summary>
    public int GroupOf(int state) => Math.Min(state / _size, Count - 1);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<double> state, Span<double> features)
    {
        features.Clear();
        features[GroupOf((int)state[0])] = 1;
    }
}
