namespace Cresset.Detection;

/// <summary>The result of a COCO evaluation: the usual statistics and the arrays they are means of.</summary>
public sealed class CocoResult
{
    private readonly CocoTables _tables;
    private double[]? _precision, _scores, _recall;

    internal CocoResult(CocoOptions options, CocoVariant variant, long[] categoryIds, string[] categoryNames, string[] frequencies,
        int[] maxDetections, CocoTables tables, CategoryMatches[] matches)
    {
        Variant = variant;
        Frequencies = frequencies;
        Options = options;
        CategoryIds = categoryIds;
        CategoryNames = categoryNames;
        MaxDetections = maxDetections;
        _tables = tables;
        Matches = matches;
        (StatNames, Stats) = CocoSummary.Make(this);
    }

    /// <summary>Options used.</summary>
    public CocoOptions Options { get; }

    /// <summary>Categories, ascending; one entry -1 when class-agnostic.</summary>
    public IReadOnlyList<long> CategoryIds { get; }

    /// <summary>Their names.</summary>
    public IReadOnlyList<string> CategoryNames { get; }

    /// <summary>Numbers of detections, ascending.</summary>
    public IReadOnlyList<int> MaxDetections { get; }

    /// <summary>The twelve statistics (ten for keypoints) in the order of the reference; -1 where nothing is defined.</summary>
    public IReadOnlyList<double> Stats { get; }

    /// <summary>Their short names: AP, AP50, AP75, APs, APm, APl, AR1, ...</summary>
    public IReadOnlyList<string> StatNames { get; }

    /// <summary>Interpolated precision, <c>[T, R, K, A, M]</c> in row order; -1 for absent categories.</summary>
    public ReadOnlySpan<double> Precision => _precision ??= _tables.InReferenceOrder(_tables.Precision);

    /// <summary>Scores at those places, same shape.</summary>
    public ReadOnlySpan<double> Scores => _scores ??= _tables.InReferenceOrder(_tables.Scores);

    /// <summary>Final recall, <c>[T, K, A, M]</c>; -1 for absent categories.</summary>
    public ReadOnlySpan<double> Recall => _recall ??= _tables.RecallInReferenceOrder();

    /// <summary>Sizes of <see cref="Precision"/>.</summary>
    public IReadOnlyList<int> Shape => _tables.Shape;

    /// <summary>
    /// The ranking of one category at one IoU threshold, without interpolation; detections that do not count are left out.
    /// </summary>
    /// <param name="category">Index of the category.</param>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="area">Index of the area range.</param>
    public RankedCurve Curve(int category, int threshold = 0, int area = 0)
        => RankedCurve.Make(Matches[category], threshold, area, new RankingRules(TiesByFileOrder: false, DropIgnored: true));

    internal CategoryMatches[] Matches { get; }

    internal CocoVariant Variant { get; }

    internal string[] Frequencies { get; }

    /// <summary>AP: the mean of all defined precisions; null selects all thresholds or categories. -1 when none is defined.</summary>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="category">Index of the category.</param>
    /// <param name="area">Index of the area range.</param>
    /// <param name="maxDetections">Index in <see cref="MaxDetections"/>; -1 takes the last.</param>
    public double AveragePrecision(int? threshold = null, int? category = null, int area = 0, int maxDetections = -1)
    {
        var m = maxDetections < 0 ? MaxDetections.Count - 1 : maxDetections;
        return Mean(threshold, category, withRecalls: true, area, m, null);
    }

    /// <summary>AR: the mean of all defined final recalls; null selects all thresholds or categories. -1 when none is defined.</summary>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="category">Index of the category.</param>
    /// <param name="area">Index of the area range.</param>
    /// <param name="maxDetections">Index in <see cref="MaxDetections"/>; -1 takes the last.</param>
    public double AverageRecall(int? threshold = null, int? category = null, int area = 0, int maxDetections = -1)
    {
        var m = maxDetections < 0 ? MaxDetections.Count - 1 : maxDetections;
        return Mean(threshold, category, withRecalls: false, area, m, null);
    }

    /// <summary>AP over the categories of one LVIS frequency group.</summary>
    internal double FrequencyAp(string frequency) => Mean(null, null, withRecalls: true, 0, MaxDetections.Count - 1, frequency);

    private double Mean(int? threshold, int? category, bool withRecalls, int area, int m, string? frequency)
    {
        double sum = 0, carry = 0;
        long count = 0;
        var recalls = withRecalls ? _tables.Shape[1] : 1;
        for (var k = category ?? 0; k < (category + 1 ?? _tables.Shape[2]); k++)
        {
            if (frequency is not null && Frequencies[k] != frequency) continue;
            for (var t = threshold ?? 0; t < (threshold + 1 ?? _tables.Shape[0]); t++)
            {
                var cell = _tables.Cell(k, area, m, t);
                var values = withRecalls ? _tables.Precision.AsSpan(cell * recalls, recalls) : _tables.Recall.AsSpan(cell, 1);
                foreach (var value in values)
                {
                    if (value <= -1) continue;
                    // Compensated: the mean does not depend on how the sum is split.
                    var y = value - carry;
                    var next = sum + y;
                    carry = next - sum - y;
                    sum = next;
                    count++;
                }
            }
        }
        return count == 0 ? -1 : sum / count;
    }
}
