using System.Globalization;

namespace Cresset.Detection;

/// <summary>The statistics of the ranked protocols from the curves of their classes.</summary>
internal static class RankedSummary
{
    /// <param name="options">The protocol.</param>
    /// <param name="thresholds">IoU thresholds.</param>
    /// <param name="curves">Curves <c>[class][threshold]</c>.</param>
    /// <param name="ap">AP of a curve.</param>
    public static (List<ProtocolStatistic> Statistics, double[][] Ap, YoloOperatingPoint? Point) Make(ProtocolOptions options,
        double[] thresholds, RankedCurve[][] curves, Func<RankedCurve, double> ap)
    {
        var aps = Array.ConvertAll(curves, c => Array.ConvertAll(c, x => ap(x)));
        int[] counted = [.. Enumerable.Range(0, curves.Length).Where(k => curves[k][0].Positives > 0)];
        var perThreshold = PerThreshold(thresholds.Length, aps, counted);
        var statistics = new List<ProtocolStatistic> { Headline(perThreshold) };
        statistics.AddRange(thresholds.Select((t, i)
            => new ProtocolStatistic("mAP" + (t * 100).ToString("0.##", CultureInfo.InvariantCulture), perThreshold[i])));
        var yolo = options.Protocol is DetectionProtocol.Yolo or DetectionProtocol.YoloLegacy;
        var point = yolo ? YoloCurve.OperatingPoint([.. counted.Select(k => curves[k][0])]) : null;
        if (point is not null && counted.Length > 0)
        {
            statistics.Add(new ProtocolStatistic("P", point.Precision.Average()));
            statistics.Add(new ProtocolStatistic("R", point.Recall.Average()));
            statistics.Add(new ProtocolStatistic("confidence", point.Confidence));
        }
        return (statistics, aps, point);
    }

    /// <summary>Mean AP over the classes that count, at each threshold.</summary>
    public static double[] PerThreshold(int thresholds, double[][] aps, int[] counted)
        => [.. Enumerable.Range(0, thresholds).Select(t => counted.Length == 0 ? double.NaN : counted.Average(k => aps[k][t]))];

    /// <summary>The number that stands first.</summary>
    public static ProtocolStatistic Headline(double[] perThreshold)
        => new("mAP", perThreshold.Length == 1 ? perThreshold[0] : perThreshold.Average());
}
