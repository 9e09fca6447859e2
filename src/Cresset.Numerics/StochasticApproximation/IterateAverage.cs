namespace Cresset.Numerics;

/// <summary>How the iterates are averaged.</summary>
public enum IterateWeighting
{
    /// <summary>Equal weights after the burn-in (Polyak 1990, Ruppert 1988).</summary>
    Uniform,

    /// <summary>The polynomial-decay average of Shamir and Zhang (2013): later iterates weigh more.</summary>
    PolynomialDecay,
}

/// <summary>Options of <see cref="IterateAverage"/>.</summary>
public sealed record IterateAverageOptions : IOptionsRecord
{
    /// <summary>Iterates left out at the start, where they are still far away.</summary>
    public long BurnIn { get; init; }

    /// <summary>The weights.</summary>
    public IterateWeighting Weighting { get; init; } = IterateWeighting.Uniform;

    /// <summary>eta of the polynomial-decay average, at least 0 (0 is the uniform average).</summary>
    public double Eta { get; init; } = 3;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(BurnIn, 0L)
        .Defined(Weighting)
        .AtLeast(Eta, 0.0);
}

/// <summary>
/// Averaging of the iterates after Polyak and Ruppert: with steps k^-p, 1/2 &lt; p &lt; 1, the average has the smallest asymptotic
/// covariance any method can have (Polyak and Juditsky 1992), whatever the constant of the step size.
/// </summary>
public sealed class IterateAverage
{
    private readonly IterateAverageOptions _options;
    // 97.5 % quantile of the limit of random scaling, a functional of Brownian motion (Abadir and Paruolo 1997, table 1).
    private const double Quantile = 6.747;
    private readonly double[] _mean;
    private readonly double[] _origin;
    private readonly double[] _squares;
    private readonly double[] _products;
    private double _counts;
    private long _seen;

    /// <summary>An average of vectors of <paramref name="dimension"/> numbers.</summary>
    public IterateAverage(int dimension, IterateAverageOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        _options = (options ?? new IterateAverageOptions()).ThrowIfInvalid();
        (_mean, _origin, _squares, _products) = (new double[dimension], new double[dimension], new double[dimension],
            new double[dimension]);
    }

    /// <summary>Number of iterates in the average.</summary>
    public long Count { get; private set; }

    /// <summary>The average; during the burn-in the last iterate seen.</summary>
    public ReadOnlySpan<double> Mean => _mean;

    /// <summary>Takes one iterate.</summary>
    public void Add(ReadOnlySpan<double> iterate)
    {
        if (iterate.Length != _mean.Length)
            throw new ArgumentException($"The iterate has {iterate.Length} numbers; the average was made for {_mean.Length}.",
                nameof(iterate));
        if (_seen++ < _options.BurnIn)
        {
            iterate.CopyTo(_mean);
            return;
        }
        Count++;
        var weight = _options.Weighting == IterateWeighting.Uniform ? 1.0 / Count : (_options.Eta + 1) / (Count + _options.Eta);
        for (var i = 0; i < _mean.Length; i++) _mean[i] += weight * (iterate[i] - _mean[i]);
        if (_options.Weighting != IterateWeighting.Uniform) return;
        // Sums of s^2 m_s^2, s^2 m_s and s^2 over the averages m_s, about the first of them so that little cancels.
        if (Count == 1) _mean.CopyTo(_origin, 0);
        var square = (double)Count * Count;
        _counts += square;
        for (var i = 0; i < _mean.Length; i++)
        {
            var m = _mean[i] - _origin[i];
            _squares[i] += square * m * m;
            _products[i] += square * m;
        }
    }

    /// <summary>
    /// Half the widths of 95 % intervals about the averages: <c>6.747 sqrt(V / n)</c> with <c>V = sum s^2 (m_s - m_n)^2 / n^2</c> over the
    /// averages of the first s iterates (Lee, Liao, Seo and Shin 2022).
    /// </summary>
    /// <exception cref="InvalidOperationException">Weights are not uniform, or there are fewer than 30 iterates.</exception>
    public double[] HalfWidths()
    {
        if (_options.Weighting != IterateWeighting.Uniform)
            throw new InvalidOperationException("Intervals are known for the uniform average; set Weighting to Uniform.");
        if (Count < 30) throw new InvalidOperationException($"The average holds {Count} iterates; an interval needs 30 or more.");
        var widths = new double[_mean.Length];
        for (var i = 0; i < widths.Length; i++)
        {
            var m = _mean[i] - _origin[i];
            var scale = Math.Max(0, _squares[i] - (2 * m * _products[i]) + (m * m * _counts)) / ((double)Count * Count);
            widths[i] = Quantile * Math.Sqrt(scale / Count);
        }
        return widths;
    }
}
