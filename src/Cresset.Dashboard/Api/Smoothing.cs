using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>
/// The smoothing of TensorBoard: an exponential moving average whose start is corrected, s(k) = (w s(k-1) + (1-w) x(k)) / (1 - w^k). Values
/// that are not finite pass through and are not counted. Here the average goes over every point that was recorded, not over those that are
/// drawn.
/// </summary>
internal struct Smoothing(double weight)
{
    private double _sum;
    private double _missing = 1;

    /// <summary>The next value.</summary>
    public double Next(double value) => double.IsFinite(value) ? Next(value, 1) : value;

    /// <summary>The next <paramref name="count"/> values, all taken to be <paramref name="mean"/>.</summary>
    public double Next(double mean, int count)
    {
        if (count > 0 && double.IsFinite(mean))
        {
            var kept = count == 1 ? weight : Math.Pow(weight, count);
            _sum = (kept * _sum) + ((1 - kept) * mean);
            _missing *= kept;
        }
        return _missing == 1 ? double.NaN : _sum / (1 - _missing);
    }

    /// <summary>Smoothed values of the buckets of a zoom, with the past of the series in them.</summary>
    public static double[] Of(IRunSource source, string id, SeriesInfo series, IReadOnlyList<SeriesBucket> shown, double weight)
        => shown.Count == 0 ? [] : series.Count <= MostPoints ? OfPoints(source.Points(id, series.Tag), shown, weight)
            : OfBuckets(source, id, series, shown, weight);

    // Up to here every point is read, which takes a few milliseconds.
    private const int MostPoints = 1 << 16, MostBuckets = 1 << 13;

    private static double[] OfPoints(IReadOnlyList<SeriesPoint> points, IReadOnlyList<SeriesBucket> shown, double weight)
    {
        var smoothing = new Smoothing(weight);
        var smooth = new double[points.Count];
        for (var i = 0; i < smooth.Length; i++) smooth[i] = smoothing.Next(points[i].Value);
        var at = 0;
        while (at < points.Count && points[at].Step < shown[0].FirstStep) at++;
        var result = new double[shown.Count];
        for (var i = 0; i < result.Length; i++)
        {
            // Buckets hold neighbours in the order of recording; the middle one stands for them.
            result[i] = smooth[Math.Min(at + ((shown[i].Count - 1) / 2), smooth.Length - 1)];
            at += shown[i].Count;
        }
        return result;
    }

    private static double[] OfBuckets(IRunSource source, string id, SeriesInfo series, IReadOnlyList<SeriesBucket> shown, double weight)
    {
        var smoothing = new Smoothing(weight);
        if (shown[0].FirstStep > series.FirstStep)
        {
            foreach (var past in source.Buckets(id, series.Tag, series.FirstStep, shown[0].FirstStep - 1, MostBuckets))
            {
                if (past.LastStep < shown[0].FirstStep) smoothing.Next(past.Mean, past.Count - past.NonFinite);
            }
        }
        var result = new double[shown.Count];
        for (var i = 0; i < result.Length; i++) result[i] = smoothing.Next(shown[i].Mean, shown[i].Count - shown[i].NonFinite);
        return result;
    }
}
