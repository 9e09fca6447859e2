namespace Cresset.Numerics;

/// <summary>
/// The mean of the middle half of some values, with a bootstrap band: what runs of an agent are compared by, since single seeds that fail
/// or shine move it little and few runs suffice (Agarwal et al. 2021). A quarter of the values, rounded down, is left out at either end.
/// </summary>
/// <param name="Value">The mean of the middle half.</param>
/// <param name="Low">2.5 % quantile over resamples.</param>
/// <param name="High">97.5 % quantile over resamples.</param>
public readonly record struct InterquartileMean(double Value, double Low, double High)
{
    private const int Resamples = 2000;

    /// <summary>Of values, such as one figure of several seeds.</summary>
    /// <param name="values">At least one.</param>
    /// <param name="seed">Seed of the resamples; equal seeds give equal bands.</param>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static InterquartileMean Of(ReadOnlySpan<double> values, ulong seed = 0)
    {
        if (values.IsEmpty) throw new ArgumentException("There are no values.", nameof(values));
        var random = new RandomStream(seed);
        var drawn = new double[values.Length];
        var means = new double[Resamples];
        foreach (ref var mean in means.AsSpan())
        {
            foreach (ref var value in drawn.AsSpan()) value = values[random.NextInt32(values.Length)];
            mean = Middle(drawn);
        }
        Array.Sort(means);
        values.CopyTo(drawn);
        return new InterquartileMean(Middle(drawn), Quantile(means, 0.025), Quantile(means, 0.975));
    }

    private static double Middle(double[] values)
    {
        Array.Sort(values);
        var cut = values.Length / 4;
        var sum = 0.0;
        for (var i = cut; i < values.Length - cut; i++) sum += values[i];
        return sum / (values.Length - (2 * cut));
    }

    private static double Quantile(double[] sorted, double share)
    {
        var at = share * (sorted.Length - 1);
        var (below, part) = ((int)at, at - Math.Floor(at));
        return sorted[below] + (part * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]));
    }
}
