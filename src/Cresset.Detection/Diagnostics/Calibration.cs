namespace Cresset.Detection;

/// <summary>One bin of scores.</summary>
/// <param name="From">Lower end; belongs to the bin.</param>
/// <param name="To">Upper end; belongs to the last bin only.</param>
/// <param name="Count">Detections in it.</param>
/// <param name="Confidence">Their mean score.</param>
/// <param name="Accuracy">Share of hits among them.</param>
public readonly record struct CalibrationBin(double From, double To, long Count, double Confidence, double Accuracy);

/// <summary>
/// Whether scores mean what they say: expected and largest gap between mean score and share of hits over bins of scores (Guo et al. 2017,
/// arXiv:1706.04599).
/// </summary>
/// <param name="Bins">The bins.</param>
/// <param name="Expected">Mean gap, weighted by counts (ECE).</param>
/// <param name="Maximum">Largest gap of a bin with detections (MCE).</param>
/// <param name="Count">Detections that count.</param>
public sealed record Calibration(IReadOnlyList<CalibrationBin> Bins, double Expected, double Maximum, long Count)
{
    /// <summary>
    /// False where a score lies outside 0 to 1: such scores are not probabilities, and there is nothing to calibrate. Then the numbers are
    /// NaN.
    /// </summary>
    public bool IsDefined { get; private init; } = true;

    /// <summary>Computes it over all categories, or one.</summary>
    /// <param name="result">A COCO result.</param>
    /// <param name="bins">Number of bins of equal width.</param>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="category">Index of the category; null takes all.</param>
    public static Calibration Compute(CocoResult result, int bins = 10, int threshold = 0, int? category = null)
    {
        ArgumentNullException.ThrowIfNull(result);
        var wanted = Enumerable.Range(category ?? 0, category is null ? result.CategoryIds.Count : 1);
        return Of(wanted.Select(k => result.Curve(k, threshold)), bins);
    }

    /// <summary>Computes it over rankings, such as those of the classes of a protocol.</summary>
    public static Calibration Of(IEnumerable<RankedCurve> curves, int bins = 10)
    {
        ArgumentNullException.ThrowIfNull(curves);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var count = new long[bins];
        var confidence = new double[bins];
        var hits = new long[bins];
        foreach (var curve in curves)
        {
            for (var i = 0; i < curve.Scores.Count; i++)
            {
                var score = curve.Scores[i];
                if (curve.Hits[i] < 0 || !double.IsFinite(score) || score == DetectedObject.FirstRank) continue;
                if (score is < 0 or > 1) return new Calibration([], double.NaN, double.NaN, 0) { IsDefined = false };
                var b = (int)Math.Clamp(score * bins, 0, bins - 1);
                count[b]++;
                confidence[b] += score;
                if (curve.Hits[i] > 0) hits[b]++;
            }
        }
        var list = new CalibrationBin[bins];
        double expected = 0, maximum = 0;
        var total = count.Sum();
        for (var b = 0; b < bins; b++)
        {
            double mean = count[b] == 0 ? 0 : confidence[b] / count[b], accuracy = count[b] == 0 ? 0 : (double)hits[b] / count[b];
            list[b] = new CalibrationBin((double)b / bins, (double)(b + 1) / bins, count[b], mean, accuracy);
            if (count[b] == 0) continue;
            expected += Math.Abs(mean - accuracy) * count[b] / total;
            maximum = Math.Max(maximum, Math.Abs(mean - accuracy));
        }
        return new Calibration(list, expected, maximum, total);
    }
}
