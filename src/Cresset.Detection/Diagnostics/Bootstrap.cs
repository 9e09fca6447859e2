using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>A statistic with its sampling spread.</summary>
/// <param name="Name">Name, as in <see cref="CocoResult.StatNames"/>.</param>
/// <param name="Value">Value on the data.</param>
/// <param name="StandardError">Standard deviation over the resamples; NaN when too few define it.</param>
/// <param name="Low">Lower end of the interval; never above the value.</param>
/// <param name="High">Upper end; never below the value.</param>
public sealed record IntervalEstimate(string Name, double Value, double StandardError, double Low, double High);

/// <summary>The difference of a statistic between two models on the same images.</summary>
/// <param name="Name">Name of the statistic.</param>
/// <param name="First">Value of the first model.</param>
/// <param name="Second">Value of the second.</param>
/// <param name="Difference">Second less first.</param>
/// <param name="Low">Lower end of the paired interval of the difference.</param>
/// <param name="High">Upper end.</param>
/// <param name="ProbabilitySecondBetter">Share of resamples in which the second is ahead.</param>
/// <param name="PValue">Two-sided p-value of the paired permutation test: how often exchanging the models image by image gives at least this difference.</param>
public sealed record PairedDifference(string Name, double First, double Second, double Difference, double Low, double High, double ProbabilitySecondBetter, double PValue);

/// <summary>How to resample.</summary>
public sealed record ResamplingOptions : IOptionsRecord
{
    /// <summary>Number of resamples.</summary>
    public int Resamples { get; init; } = 1000;

    /// <summary>Coverage of the intervals.</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>Seed of the draws; the same seed gives the same numbers with any number of threads.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Threads; 0 takes all cores.</summary>
    public int Threads { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Resamples, 1)
        .Within(Confidence, 0, 1, includeMin: false, includeMax: false)
        .AtLeast(Threads, 0);
}

/// <summary>Confidence intervals and paired comparison by resampling images, not detections (Efron and Tibshirani 1993).</summary>
public static class Bootstrap
{
    /// <summary>
    /// Intervals of all statistics of a result, for the value expected over test sets of this size. The resamples of AP lie
    /// above the estimate, because copies of an image rank together; their spread is right. So the percentiles are moved
    /// until the median of the resamples meets the estimate.
    /// </summary>
    /// <exception cref="ArgumentException">The result has a statistic that cannot be resampled.</exception>
    public static IReadOnlyList<IntervalEstimate> Intervals(CocoResult result, ResamplingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(result);
        var o = (options ?? new ResamplingOptions()).ThrowIfInvalid();
        var table = new ResamplingTable(result);
        table.RequireAgreement(result);
        var draws = Run(o, index =>
        {
            var weights = Draw(o.Seed, index, table.ImageIds.Length);
            return table.Statistics(weights, weights);
        }, cancellationToken);
        return [.. result.StatNames.Select((name, s) =>
        {
            var values = Defined(draws, s);
            var (low, high) = Centred(values, result.Stats[s], o.Confidence);
            return new IntervalEstimate(name, result.Stats[s], StandardDeviation(values), Math.Max(0, low), Math.Min(1, high));
        })];
    }

    /// <summary>Compares two results on the same data set, evaluated with the same options.</summary>
    /// <exception cref="ArgumentException">The results were evaluated with other options or categories.</exception>
    public static IReadOnlyList<PairedDifference> Compare(CocoResult first, CocoResult second, ResamplingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!first.CategoryIds.SequenceEqual(second.CategoryIds) || !first.StatNames.SequenceEqual(second.StatNames) || !first.Options.IouThresholds.SequenceEqual(second.Options.IouThresholds))
        {
            throw new ArgumentException("the two results were evaluated with different categories or options; evaluate both alike.", nameof(second));
        }
        var o = (options ?? new ResamplingOptions()).ThrowIfInvalid();
        var table = new ResamplingTable(first, second);
        new ResamplingTable(first).RequireAgreement(first);
        new ResamplingTable(second).RequireAgreement(second);
        var ones = new int[table.ImageIds.Length];
        Array.Fill(ones, 1);
        var paired = Run(o, index =>
        {
            var weights = Draw(o.Seed, index, ones.Length);
            return Difference(table, Spread(weights, 0), Spread(weights, 1), weights);
        }, cancellationToken);
        var exchanged = Run(o, index =>
        {
            var stream = SplitMix64.ForIndex(~o.Seed, (ulong)index);
            int[] one = new int[table.Slots], other = new int[table.Slots];
            for (var i = 0; i < ones.Length; i++)
            {
                var swap = (int)(stream.Next() >> 63);
                one[(2 * i) + swap] = 1;
                other[(2 * i) + 1 - swap] = 1;
            }
            return Difference(table, one, other, ones);
        }, cancellationToken);
        return [.. first.StatNames.Select((name, s) =>
        {
            var difference = second.Stats[s] - first.Stats[s];
            var values = Defined(paired, s);
            var nulls = Defined(exchanged, s);
            var atLeast = nulls.Count(v => Math.Abs(v) >= Math.Abs(difference) - 1e-12);
            var ahead = values.Count(v => v > 0) + (values.Count(v => v == 0) / 2.0);
            var (low, high) = Centred(values, difference, o.Confidence);
            return new PairedDifference(name, first.Stats[s], second.Stats[s], difference, low, high,
                values.Length == 0 ? double.NaN : ahead / values.Length, (1.0 + atLeast) / (nulls.Length + 1));
        })];
    }

    private static double[][] Run(ResamplingOptions o, Func<int, double[]> one, CancellationToken cancellation)
    {
        var all = new double[o.Resamples][];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = o.Threads == 0 ? Environment.ProcessorCount : o.Threads, CancellationToken = cancellation };
        Parallel.For(0, o.Resamples, parallel, i => all[i] = one(i));
        return all;
    }

    private static int[] Draw(ulong seed, int index, int images)
    {
        var stream = SplitMix64.ForIndex(seed, (ulong)index);
        var weights = new int[images];
        for (var i = 0; i < images; i++) weights[stream.NextInt32(images)]++;
        return weights;
    }

    private static int[] Spread(int[] weights, int model)
    {
        var slots = new int[weights.Length * 2];
        for (var i = 0; i < weights.Length; i++) slots[(2 * i) + model] = weights[i];
        return slots;
    }

    private static double[] Difference(ResamplingTable table, int[] first, int[] second, int[] images)
    {
        double[] a = table.Statistics(first, images), b = table.Statistics(second, images);
        for (var s = 0; s < a.Length; s++) b[s] = a[s] < 0 || b[s] < 0 ? double.NaN : b[s] - a[s];
        return b;
    }

    private static double[] Defined(double[][] draws, int statistic)
        => [.. draws.Select(d => d[statistic]).Where(v => !double.IsNaN(v) && v > -1)];

    private static double StandardDeviation(double[] values)
    {
        if (values.Length < 2) return double.NaN;
        var mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }

    /// <summary>Percentiles moved by the distance of the median from the estimate.</summary>
    private static (double Low, double High) Centred(double[] values, double estimate, double confidence)
    {
        var shift = estimate - Quantile(values, 0.5);
        return (Quantile(values, (1 - confidence) / 2) + shift, Quantile(values, (1 + confidence) / 2) + shift);
    }

    private static double Quantile(double[] values, double q)
    {
        if (values.Length == 0) return double.NaN;
        Array.Sort(values);
        var place = q * (values.Length - 1);
        var low = (int)Math.Floor(place);
        var high = Math.Min(low + 1, values.Length - 1);
        return values[low] + ((place - low) * (values[high] - values[low]));
    }
}
