using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>A statistic with its sampling spread.</summary>
/// <param name="Name">Name of the statistic.</param>
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
/// <param name="PValue">Two-sided p-value of the paired permutation test: how often exchanging the models image by image gives at least
/// this difference.</param>
public sealed record PairedDifference(string Name, double First, double Second, double Difference, double Low, double High,
    double ProbabilitySecondBetter, double PValue);

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
    /// Intervals of all statistics of a result, for the value expected over test sets of this size. The resamples of AP lie above the
    /// estimate, because copies of an image rank together; their spread is right. So the percentiles are moved until the median of the
    /// resamples meets the estimate.
    /// </summary>
    /// <exception cref="ArgumentException">The result has a statistic that cannot be resampled.</exception>
    public static IReadOnlyList<IntervalEstimate> Intervals(CocoResult result, ResamplingOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(result);
        var table = new ResamplingTable(result);
        table.RequireAgreement(result);
        return Intervals(table, result.StatNames, result.Stats, options, cancellationToken);
    }

    /// <summary>Intervals of all statistics of any protocol's result.</summary>
    /// <exception cref="ArgumentException">The result has a statistic that cannot be resampled.</exception>
    public static IReadOnlyList<IntervalEstimate> Intervals(ProtocolResult result, ResamplingOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (result.Coco is { } coco) return Intervals(coco, options, cancellationToken);
        var table = TableOf(result);
        RequireAgreement(table, result);
        return Intervals(table, [.. result.Statistics.Select(s => s.Name)], [.. result.Statistics.Select(s => s.Value)], options,
            cancellationToken);
    }

    private static IReadOnlyList<IntervalEstimate> Intervals(IResamplingTable table, IReadOnlyList<string> names,
        IReadOnlyList<double> stats, ResamplingOptions? options, CancellationToken cancellationToken)
    {
        var o = (options ?? new ResamplingOptions()).ThrowIfInvalid();
        var draws = Run(o, index =>
        {
            var weights = Draw(o.Seed, index, table.ImageCount);
            return table.Statistics(weights, weights);
        }, cancellationToken);
        return [.. names.Select((name, s) =>
        {
            var values = Defined(draws, s);
            var (low, high) = Centred(values, stats[s], o.Confidence);
            // The gains of tide may be negative; shares are not.
            var least = stats[s] < 0 ? -1 : 0;
            return new IntervalEstimate(name, stats[s], StandardDeviation(values), Math.Max(least, low), Math.Min(1, high));
        })];
    }

    /// <summary>Compares two results of one protocol on the same data set.</summary>
    /// <exception cref="ArgumentException">The results were evaluated with other protocols, options or categories.</exception>
    public static IReadOnlyList<PairedDifference> Compare(ProtocolResult first, ProtocolResult second, ResamplingOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (first.Coco is { } a && second.Coco is { } b && first.Protocol == second.Protocol) return Compare(a, b, options,
            cancellationToken);
        string[] names = [.. first.Statistics.Select(s => s.Name)];
        if (first.Protocol != second.Protocol || !names.SequenceEqual(second.Statistics.Select(s => s.Name))
            || !first.IouThresholds.SequenceEqual(second.IouThresholds)
            || (first.Tide is null && !first.Classes.Select(c => c.Id).SequenceEqual(second.Classes.Select(c => c.Id))))
        {
            throw new ArgumentException(
                "the two results were evaluated with different protocols, categories or options; evaluate both alike.", nameof(second));
        }
        RequireAgreement(TableOf(first), first);
        RequireAgreement(TableOf(second), second);
        return Compare(TableOf(first, second), names, [.. first.Statistics.Select(s => s.Value)],
            [.. second.Statistics.Select(s => s.Value)], options, cancellationToken);
    }

    private static IResamplingTable TableOf(params ProtocolResult[] results)
        => results[0].TideImages is not null ? new TideResampling(Array.ConvertAll(results, r => r.TideImages!))
            : new RankedResampling(Array.ConvertAll(results, r => r.Ranked!));

    /// <summary>Every image once must give the statistics themselves; else an interval would speak of other rules than the value.</summary>
    private static void RequireAgreement(IResamplingTable table, ProtocolResult result)
    {
        var ones = new int[table.ImageCount];
        Array.Fill(ones, 1);
        var own = table.Statistics(ones, ones);
        for (var s = 0; s < result.Statistics.Count; s++)
        {
            var value = result.Statistics[s].Value;
            if (s < own.Length && (Math.Abs(own[s] - value) <= 1e-9 || (double.IsNaN(own[s]) && double.IsNaN(value)))) continue;
            throw new ArgumentException(
                $"{result.Statistics[s].Name} of {DetectionProtocols.NameOf(result.Protocol)} cannot be resampled.", nameof(result));
        }
    }

    /// <summary>Compares two results on the same data set, evaluated with the same options.</summary>
    /// <exception cref="ArgumentException">The results were evaluated with other options or categories.</exception>
    public static IReadOnlyList<PairedDifference> Compare(CocoResult first, CocoResult second, ResamplingOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!first.CategoryIds.SequenceEqual(second.CategoryIds) || !first.StatNames.SequenceEqual(second.StatNames)
            || !first.Options.IouThresholds.SequenceEqual(second.Options.IouThresholds))
        {
            throw new ArgumentException("the two results were evaluated with different categories or options; evaluate both alike.",
                nameof(second));
        }
        var table = new ResamplingTable(first, second);
        new ResamplingTable(first).RequireAgreement(first);
        new ResamplingTable(second).RequireAgreement(second);
        return Compare(table, first.StatNames, first.Stats, second.Stats, options, cancellationToken);
    }

    private static IReadOnlyList<PairedDifference> Compare(IResamplingTable table, IReadOnlyList<string> names,
        IReadOnlyList<double> first, IReadOnlyList<double> second, ResamplingOptions? options, CancellationToken cancellationToken)
    {
        var o = (options ?? new ResamplingOptions()).ThrowIfInvalid();
        var ones = new int[table.ImageCount];
        Array.Fill(ones, 1);
        var paired = Run(o, index =>
        {
            var weights = Draw(o.Seed, index, ones.Length);
            return Difference(table, Spread(weights, 0), Spread(weights, 1), weights);
        }, cancellationToken);
        var exchanged = Run(o, index =>
        {
            var stream = SplitMix64.ForIndex(~o.Seed, (ulong)index);
            int[] one = new int[table.SlotCount], other = new int[table.SlotCount];
            for (var i = 0; i < ones.Length; i++)
            {
                var swap = (int)(stream.Next() >> 63);
                one[(2 * i) + swap] = 1;
                other[(2 * i) + 1 - swap] = 1;
            }
            return Difference(table, one, other, ones);
        }, cancellationToken);
        return [.. names.Select((name, s) =>
        {
            var difference = second[s] - first[s];
            var values = Defined(paired, s);
            var nulls = Defined(exchanged, s);
            var atLeast = nulls.Count(v => Math.Abs(v) >= Math.Abs(difference) - 1e-12);
            var ahead = values.Count(v => v > 0) + (values.Count(v => v == 0) / 2.0);
            var (low, high) = Centred(values, difference, o.Confidence);
            return new PairedDifference(name, first[s], second[s], difference, low, high,
                values.Length == 0 ? double.NaN : ahead / values.Length, (1.0 + atLeast) / (nulls.Length + 1));
        })];
    }

    private static double[][] Run(ResamplingOptions o, Func<int, double[]> one, CancellationToken cancellation)
    {
        var all = new double[o.Resamples][];
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = o.Threads == 0 ? Environment.ProcessorCount : o.Threads,
            CancellationToken = cancellation
        };
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

    private static double[] Difference(IResamplingTable table, int[] first, int[] second, int[] images)
    {
        double[] a = table.Statistics(first, images), b = table.Statistics(second, images);
        for (var s = 0; s < a.Length; s++) b[s] = a[s] == -1 || b[s] == -1 ? double.NaN : b[s] - a[s];
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
