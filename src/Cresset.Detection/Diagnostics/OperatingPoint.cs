namespace Cresset.Detection;

/// <summary>A score threshold and what it gives: detections with at least this score are kept.</summary>
/// <param name="Threshold">Score threshold.</param>
/// <param name="Precision">Precision there.</param>
/// <param name="Recall">Recall there.</param>
/// <param name="FScore">F score there.</param>
public sealed record OperatingPoint(double Threshold, double Precision, double Recall, double FScore)
{
    /// <summary>
    /// The threshold of highest F score, <c>(1 + b^2) P R / (b^2 P + R)</c>, on the measured curve (no envelope); of equal ones the highest
    /// threshold. Null when no detection is a hit.
    /// </summary>
    public static OperatingPoint? BestF(RankedCurve curve, double beta = 1)
    {
        ArgumentNullException.ThrowIfNull(curve);
        if (!(beta > 0)) throw new ArgumentOutOfRangeException(nameof(beta), beta, "beta must be greater than 0.");
        OperatingPoint? best = null;
        foreach (var point in Points(curve, beta))
        {
            if (best is null || point.FScore > best.FScore) best = point;
        }
        return best is { FScore: > 0 } ? best : null;
    }

    /// <summary>
    /// The threshold of highest recall whose precision is at least <paramref name="precision"/>; null when there is none.
    /// </summary>
    public static OperatingPoint? AtPrecision(RankedCurve curve, double precision)
    {
        ArgumentNullException.ThrowIfNull(curve);
        if (!(precision is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(precision), precision, "The precision must lie in [0, 1].");
        }
        OperatingPoint? best = null;
        foreach (var point in Points(curve, 1))
        {
            if (point.Precision >= precision && (best is null || point.Recall > best.Recall)) best = point;
        }
        return best;
    }

    /// <summary>A threshold keeps all detections of equal score, so only the ends of runs of equal scores are points.</summary>
    private static IEnumerable<OperatingPoint> Points(RankedCurve curve, double beta)
    {
        if (!(curve.Positives > 0)) yield break;
        for (var i = 0; i < curve.Scores.Count; i++)
        {
            if (i + 1 < curve.Scores.Count && curve.Scores[i + 1] == curve.Scores[i]) continue;
            double p = curve.Precision[i], r = curve.Recall[i], b = beta * beta;
            yield return new OperatingPoint(curve.Scores[i], p, r, p + r > 0 ? (1 + b) * p * r / ((b * p) + r) : 0);
        }
    }
}
