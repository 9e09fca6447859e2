namespace Cresset.Detection;

/// <summary>The statistics in the order of the reference.</summary>
internal static class CocoSummary
{
    public static (string[] Names, double[] Stats) Make(CocoResult result)
    {
        var (names, stats) = result.Options.Kind == IouKind.Keypoints ? Keypoints(result) : result.Variant == CocoVariant.Lvis ? Federated(result) : Boxes(result);
        // torchmetrics hands its results out in float32.
        return (names, result.Variant == CocoVariant.TorchMetrics ? Array.ConvertAll(stats, s => (double)(float)s) : stats);
    }

    private static (string[] Names, double[] Stats) Federated(CocoResult r)
    {
        var n = r.MaxDetections[^1];
        const int Last = 0;
        return (["AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc", "APf", $"AR{n}", $"ARs{n}", $"ARm{n}", $"ARl{n}"], [
            Ap(r, null, "all", Last), Ap(r, .5, "all", Last), Ap(r, .75, "all", Last),
            Ap(r, null, "small", Last), Ap(r, null, "medium", Last), Ap(r, null, "large", Last),
            r.FrequencyAp("r"), r.FrequencyAp("c"), r.FrequencyAp("f"),
            Ar(r, null, "all", Last), Ar(r, null, "small", Last), Ar(r, null, "medium", Last), Ar(r, null, "large", Last),
        ]);
    }

    private static (string[] Names, double[] Stats) Boxes(CocoResult r)
    {
        var max = r.MaxDetections;
        int first = 0, second = Math.Min(1, max.Count - 1), last = Math.Min(2, max.Count - 1);
        // pycocotools reports AP only for exactly 100 detections, whatever the list says.
        var forAp = r.Options.Corrected || r.Variant == CocoVariant.TorchMetrics ? max.Count - 1 : IndexOf(max, 100);
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
        threshold = iou is null ? null : IndexOf(r.Options.IouThresholds, r.Variant == CocoVariant.TorchMetrics ? (float)iou.Value : iou.Value);
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
