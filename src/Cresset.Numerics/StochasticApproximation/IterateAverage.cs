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
    private readonly double[] _mean;
    private long _seen;

    /// <summary>An average of vectors of <paramref name="dimension"/> numbers.</summary>
    public IterateAverage(int dimension, IterateAverageOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        _options = (options ?? new IterateAverageOptions()).ThrowIfInvalid();
        _mean = new double[dimension];
    }

    /// <summary>Number of iterates in the average.</summary>
    public long Count { get; private set; }

    /// <summary>The average; during the burn-in the last iterate seen.</summary>
    public ReadOnlySpan<double> Mean => _mean;

    /// <summary>Takes one iterate.</summary>
    public void Add(ReadOnlySpan<double> iterate)
    {
        if (iterate.Length != _mean.Length) throw new ArgumentException($"The iterate has {iterate.Length} numbers; the average was made for {_mean.Length}.", nameof(iterate));
        if (_seen++ < _options.BurnIn)
        {
            iterate.CopyTo(_mean);
            return;
        }
        Count++;
        var weight = _options.Weighting == IterateWeighting.Uniform ? 1.0 / Count : (_options.Eta + 1) / (Count + _options.Eta);
        for (var i = 0; i < _mean.Length; i++) _mean[i] += weight * (iterate[i] - _mean[i]);
    }
}
