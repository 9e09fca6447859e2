namespace Cresset.Detection;

/// <summary>The result of a COCO evaluation: the usual statistics and the arrays they are means of.</summary>
public sealed class CocoResult
{
    private readonly CocoTables _tables;
    private double[]? _precision, _scores, _recall;

    internal CocoResult(CocoOptions options, long[] categoryIds, string[] categoryNames, int[] maxDetections, CocoTables tables, CategoryMatches[] matches)
    {
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

    internal CategoryMatches[] Matches { get; }

    /// <summary>AP: the mean of all defined precisions; null selects all thresholds or categories. -1 when none is defined.</summary>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="category">Index of the category.</param>
    /// <param name="area">Index of the area range.</param>
    /// <param name="maxDetections">Index in <see cref="MaxDetections"/>; -1 takes the last.</param>
    public double AveragePrecision(int? threshold = null, int? category = null, int area = 0, int maxDetections = -1)
    {
        var m = maxDetections < 0 ? MaxDetections.Count - 1 : maxDetections;
        return Mean(threshold, category, withRecalls: true, area, m);
    }

    /// <summary>AR: the mean of all defined final recalls; null selects all thresholds or categories. -1 when none is defined.</summary>
    /// <param name="threshold">Index of the IoU threshold.</param>
    /// <param name="category">Index of the category.</param>
    /// <param name="area">Index of the area range.</param>
    /// <param name="maxDetections">Index in <see cref="MaxDetections"/>; -1 takes the last.</param>
    public double AverageRecall(int? threshold = null, int? category = null, int area = 0, int maxDetections = -1)
    {
        var m = maxDetections < 0 ? MaxDetections.Count - 1 : maxDetections;
        return Mean(threshold, category, withRecalls: false, area, m);
    }

    private double Mean(int? threshold, int? category, bool withRecalls, int area, int m)
    {
        double sum = 0, carry = 0;
        long count = 0;
        var recalls = withRecalls ? _tables.Shape[1] : 1;
        for (var k = category ?? 0; k < (category + 1 ?? _tables.Shape[2]); k++)
        {
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

/// <summary>The statistics in the order of the reference.</summary>
internal static class CocoSummary
{
    public static (string[] Names, double[] Stats) Make(CocoResult result) => result.Options.Kind == IouKind.Keypoints ? Keypoints(result) : Boxes(result);

    private static (string[] Names, double[] Stats) Boxes(CocoResult r)
    {
        var max = r.MaxDetections;
        int first = 0, second = Math.Min(1, max.Count - 1), last = Math.Min(2, max.Count - 1);
        // pycocotools reports AP only for exactly 100 detections, whatever the list says.
        var forAp = r.Options.Corrected ? max.Count - 1 : IndexOf(max, 100);
        if (r.Options.Corrected) last = max.Count - 1;
        string[] names = ["AP", "AP50", "AP75", "APs", "APm", "APl", $"AR{max[first]}", $"AR{max[second]}", $"AR{max[last]}", "ARs", "ARm", "ARl"];
        return (names, [
            Ap(r, null, "all", forAp), Ap(r, .5, "all", last), Ap(r, .75, "all", last),
            Ap(r, null, "small", last), Ap(r, null, "medium", last), Ap(r, null, "large", last),
            Ar(r, null, "all", first), Ar(r, null, "all", second), Ar(r, null, "all", last),
            Ar(r, null, "small", last), Ar(r, null, "medium", last), Ar(r, null, "large", last),
        ]);
    }

    private static (string[] Names, double[] Stats) Keypoints(CocoResult r)
    {
        var m = r.Options.Corrected ? r.MaxDetections.Count - 1 : IndexOf(r.MaxDetections, 20);
        return (["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"], [
            Ap(r, null, "all", m), Ap(r, .5, "all", m), Ap(r, .75, "all", m), Ap(r, null, "medium", m), Ap(r, null, "large", m),
            Ar(r, null, "all", m), Ar(r, .5, "all", m), Ar(r, .75, "all", m), Ar(r, null, "medium", m), Ar(r, null, "large", m),
        ]);
    }

    private static double Ap(CocoResult r, double? iou, string area, int m)
        => Find(r, iou, area, out var t, out var a) && m >= 0 ? r.AveragePrecision(t, null, a, m) : -1;

    private static double Ar(CocoResult r, double? iou, string area, int m)
        => Find(r, iou, area, out var t, out var a) && m >= 0 ? r.AverageRecall(t, null, a, m) : -1;

    private static bool Find(CocoResult r, double? iou, string area, out int? threshold, out int layer)
    {
        threshold = iou is null ? null : IndexOf(r.Options.IouThresholds, iou.Value);
        layer = IndexOf([.. r.Options.AreaRanges.Select(x => x.Name)], area);
        return threshold is not < 0 && layer >= 0;
    }

    private static int IndexOf<T>(IReadOnlyList<T> list, T value)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (EqualityComparer<T>.Default.Equals(list[i], value)) return i;
        }
        return -1;
    }
}
