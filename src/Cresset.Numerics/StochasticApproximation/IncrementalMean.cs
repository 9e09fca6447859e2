namespace Cresset.Numerics;

/// <summary>
/// A mean kept by updates <c>m += a_k (x - m)</c>, without storing the observations.
/// With the rule 1/k it is the sample mean, and <see cref="Variance"/> is exact (Welford 1962); with another rule it is a weighted mean
/// that forgets.
/// </summary>
public sealed class IncrementalMean
{
    private readonly StepSizeRule _steps;
    private double _squares;

    /// <summary>The exact sample mean.</summary>
    public IncrementalMean()
        : this(StepSizeRule.SampleMean)
    {
    }

    /// <summary>A mean whose updates follow <paramref name="steps"/>, from the estimate <paramref name="initial"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="initial"/> is not finite.</exception>
    public IncrementalMean(StepSizeRule steps, double initial = 0)
    {
        ArgumentNullException.ThrowIfNull(steps);
        if (!double.IsFinite(initial))
            throw new ArgumentOutOfRangeException(nameof(initial), initial, "The first estimate must be finite.");
        _steps = steps.ThrowIfInvalid();
        Mean = initial;
    }

    /// <summary>Number of observations so far.</summary>
    public long Count { get; private set; }

    /// <summary>The current estimate.</summary>
    public double Mean { get; private set; }

    /// <summary>The unbiased sample variance (squares are always averaged with equal weights); NaN below two observations.</summary>
    public double Variance => Count < 2 ? double.NaN : _squares / (Count - 1);

    /// <summary>Standard error of the sample mean, sqrt(variance / count).</summary>
    public double StandardError => Math.Sqrt(Variance / Count);

    private double _sampleMean;

    /// <summary>Takes one observation and returns the new estimate.</summary>
    public double Add(double observation)
    {
        Mean += _steps.At(Count) * (observation - Mean);
        Count++;
        var delta = observation - _sampleMean;
        _sampleMean += delta / Count;
        _squares += delta * (observation - _sampleMean);
        return Mean;
    }
}
