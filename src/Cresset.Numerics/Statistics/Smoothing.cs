namespace Cresset.Numerics;

/// <summary>The smoothing of TensorBoard's scalar charts.</summary>
public static class Smoothing
{
    /// <summary>
    /// Exponential moving average with weight <paramref name="weight"/> in [0, 1), corrected for its start at zero:
    /// s_n = (w s_{n-1} + (1 - w) x_n), shown as s_n / (1 - w^n). Values that are not finite pass through and do not count; a series of
    /// equal values is returned as it is. Source: TensorBoard's line chart.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="weight"/> is outside [0, 1).</exception>
    public static double[] Smooth(ReadOnlySpan<double> values, double weight)
    {
        if (!(weight >= 0 && weight < 1))
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "The smoothing weight must be in [0, 1).");
        var smoothed = values.ToArray();
        if (values.Length == 0 || !values.ContainsAnyExcept(values[0])) return smoothed;
        double average = 0;
        var counted = 0;
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i])) continue;
            average = (average * weight) + ((1 - weight) * values[i]);
            counted++;
            smoothed[i] = average / (weight == 0 ? 1 : 1 - Math.Pow(weight, counted));
        }
        return smoothed;
    }
}
