namespace Cresset.Detection;

/// <summary>One of the numbers of a COCO evaluation: which cells of its tables are averaged.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsPrecision">Mean of precisions (AP), else of recalls (AR).</param>
/// <param name="Iou">One IoU threshold; null for all.</param>
/// <param name="Area">Name of the area range.</param>
/// <param name="Limit">Place in the list of numbers of detections; -1 when the reference gives no value.</param>
/// <param name="Frequency">LVIS: only classes of this frequency group; null for all.</param>
internal readonly record struct CocoStatistic(string Name, bool IsPrecision, double? Iou, string Area, int Limit, string? Frequency = null);

/// <summary>The statistics in the order of the reference.</summary>
internal static class CocoSummary
{
    private static readonly Dictionary<string, string> Letters = new() { ["small"] = "s", ["medium"] = "m", ["large"] = "l" };

    public static (string[] Names, double[] Stats) Make(CocoResult result)
    {
        var definitions = DefinitionsOf(result.Options, result.Variant, result.MaxDetections);
        double[] stats = [.. definitions.Select(d => Value(result, d))];
        // torchmetrics hands its results out in float32.
        return ([.. definitions.Select(d => d.Name)], result.Variant == CocoVariant.TorchMetrics
            ? Array.ConvertAll(stats, s => (double)(float)s) : stats);
    }

    /// <summary>What the statistics are; ranges of the user's own have a value each, after their names.</summary>
    public static IReadOnlyList<CocoStatistic> DefinitionsOf(CocoOptions options, CocoVariant variant, IReadOnlyList<int> max)
    {
        var keypoints = options.Kind == IouKind.Keypoints;
        var own = options.AreaRanges.Any(a => a.Name != "all" && !Letters.ContainsKey(a.Name));
        string[] areas = own ? [.. options.AreaRanges.Select(a => a.Name).Where(n => n != "all")] : keypoints ? ["medium", "large"]
            : ["small", "medium", "large"];
        if (keypoints) return Keypoints(options, max, areas);
        return variant == CocoVariant.Lvis ? Federated(max, areas) : Boxes(options, variant, max, areas);
    }

    private static List<CocoStatistic> Federated(IReadOnlyList<int> max, string[] areas)
    {
        var n = max[^1];
        return
        [
            Ap("", null, "all", 0), Ap("50", .5, "all", 0), Ap("75", .75, "all", 0), .. areas.Select(a => Ap(Suffix(a), null, a, 0)),
            .. new[] { "r", "c", "f" }.Select(f => Ap(f, null, "all", 0) with { Frequency = f }),
            Ar($"{n}", null, "all", 0), .. areas.Select(a => Ar(Suffix(a) + n, null, a, 0)),
        ];
    }

    private static List<CocoStatistic> Boxes(CocoOptions options, CocoVariant variant, IReadOnlyList<int> max, string[] areas)
    {
        int first = 0, second = Math.Min(1, max.Count - 1), last = options.Corrected ? max.Count - 1 : Math.Min(2, max.Count - 1);
        // pycocotools reports AP only for exactly 100 detections, whatever the list says.
        var forAp = options.Corrected || variant == CocoVariant.TorchMetrics ? max.Count - 1 : IndexOf(max, 100);
        return
        [
            Ap("", null, "all", forAp), Ap("50", .5, "all", last), Ap("75", .75, "all", last),
                .. areas.Select(a => Ap(Suffix(a), null, a, last)),
            .. new[] { first, second, last }.Distinct().Select(m => Ar($"{max[m]}", null, "all", m)),
                .. areas.Select(a => Ar(Suffix(a), null, a, last)),
        ];
    }

    private static List<CocoStatistic> Keypoints(CocoOptions options, IReadOnlyList<int> max, string[] areas)
    {
        var m = options.Corrected ? max.Count - 1 : IndexOf(max, 20);
        return
        [
            Ap("", null, "all", m), Ap("50", .5, "all", m), Ap("75", .75, "all", m), .. areas.Select(a => Ap(Suffix(a), null, a, m)),
            Ar("", null, "all", m), Ar("50", .5, "all", m), Ar("75", .75, "all", m), .. areas.Select(a => Ar(Suffix(a), null, a, m)),
        ];
    }

    private static CocoStatistic Ap(string suffix, double? iou, string area, int limit) => new("AP" + suffix, true, iou, area, limit);

    private static CocoStatistic Ar(string suffix, double? iou, string area, int limit) => new("AR" + suffix, false, iou, area, limit);

    private static string Suffix(string area) => Letters.TryGetValue(area, out var letter) ? letter : "_" + area;

    /// <summary>Places of a statistic in the tables; false where it has no value.</summary>
    public static bool TryFind(CocoOptions options, CocoVariant variant, in CocoStatistic s, out int? threshold, out int layer)
    {
        threshold = s.Iou is not { } iou ? null : IndexOf(options.IouThresholds, variant == CocoVariant.TorchMetrics ? (float)iou : iou);
        layer = IndexOf([.. options.AreaRanges.Select(x => x.Name)], s.Area);
        return threshold is not < 0 && layer >= 0 && s.Limit >= 0;
    }

    private static double Value(CocoResult r, in CocoStatistic s)
    {
        if (!TryFind(r.Options, r.Variant, s, out var threshold, out var layer)) return -1;
        if (s.Frequency is { } f) return r.FrequencyAp(f);
        return s.IsPrecision ? r.AveragePrecision(threshold, null, layer, s.Limit) : r.AverageRecall(threshold, null, layer, s.Limit);
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
