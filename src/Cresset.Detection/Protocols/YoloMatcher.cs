namespace Cresset.Detection;

/// <summary>ultralytics: each detection keeps its best object at or above the threshold, each object the first such detection.</summary>
internal sealed class YoloMatcher(IReadOnlyList<double> thresholds, ProtocolOptions options) : GroupMatcher
{
    private readonly YoloOverlaps _overlaps = new(options);
    private bool[] _taken = new bool[16];
    private (double Overlap, int Index)[] _best = [];

    public override int Layers => 1;

    public override void Match(in MatchGroup group, SegmentSlots slots)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        slots.Positives[0] = m;
        if (n == 0 || m == 0) return;
        if (m > _taken.Length) _taken = new bool[m * 2];
        if (n > _best.Length) _best = new (double, int)[n * 2];
        var overlaps = _overlaps.Compute(group);
        // Whatever is free or taken, a detection looks at its best object only, so that is the same at every threshold.
        for (var d = 0; d < n; d++)
        {
            var best = (Overlap: double.NaN, Index: -1);
            for (var g = 0; g < m; g++)
            {
                var overlap = overlaps[(d * m) + g];
                if (best.Index < 0 ? !double.IsNaN(overlap) : overlap > best.Overlap) best = (overlap, g);
            }
            _best[d] = best;
        }
        for (var t = 0; t < thresholds.Count; t++)
        {
            Array.Clear(_taken, 0, m);
            for (var d = 0; d < n; d++)
            {
                var (overlap, best) = _best[d];
                if (!(overlap >= thresholds[t]) || _taken[best]) continue;
                _taken[best] = true;
                if (t == 0) Ledger?.Meet(group, d, best, overlap);
                slots.Hits[d] |= 1UL << t;
            }
        }
    }

    public override bool Counts(in GroundTruthObject o) => true;

    public override ReadOnlySpan<double> Overlaps(in MatchGroup group) => _overlaps.Compute(group);
}
