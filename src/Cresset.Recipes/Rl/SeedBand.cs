namespace Cresset.Recipes;

/// <summary>The mean of learning curves over seeds with a band of 95 % for that mean.</summary>
/// <param name="Xs">Number of the last episode of each window, from 1.</param>
/// <param name="Mean">Mean over the seeds of the window's mean.</param>
/// <param name="Low">Lower end of the band.</param>
/// <param name="High">Upper end of the band.</param>
internal sealed record SeedBand(double[] Xs, double[] Mean, double[] Low, double[] High)
{
    /// <summary>Smooths each curve by a moving window and averages over the curves.</summary>
    public static SeedBand Of(IReadOnlyList<double[]> curves, int window)
    {
        var points = curves.Min(c => c.Length) - window + 1;
        double[] xs = new double[points], mean = new double[points], low = new double[points], high = new double[points];
        var smoothed = curves.Select(c => Moving(c, window, points)).ToArray();
        var values = new double[curves.Count];
        for (var i = 0; i < points; i++)
        {
            for (var seed = 0; seed < values.Length; seed++) values[seed] = smoothed[seed][i];
            (xs[i], mean[i]) = (i + window, values.Average());
            var width = 1.96 * StandardError(values);
            (low[i], high[i]) = (mean[i] - width, mean[i] + width);
        }
        return new SeedBand(xs, mean, low, high);
    }

    /// <summary>Standard error of the mean; 0 for a single value.</summary>
    public static double StandardError(IReadOnlyList<double> values)
    {
        if (values.Count < 2) return 0;
        var mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1) / values.Count);
    }

    private static double[] Moving(double[] curve, int window, int points)
    {
        var result = new double[points];
        var sum = 0.0;
        for (var i = 0; i < window - 1; i++) sum += curve[i];
        for (var i = 0; i < points; i++)
        {
            sum += curve[i + window - 1];
            result[i] = sum / window;
            sum -= curve[i];
        }
        return result;
    }
}
