using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// The matching of pycocotools: detections by falling score, each takes the free object of highest IoU at or above the threshold (of equal
/// ones the later), ordinary objects before ignored ones; crowds can be taken again and again.
/// </summary>
internal sealed class CocoMatcher : GroupMatcher
{
    private readonly CocoOptions _options;
    private readonly CocoRules _rules;
    private readonly double[] _starts;
    private readonly AreaRange[] _areas;
    private readonly OverlapMatrix _overlap;
    private bool[] _taken = new bool[16], _crowd = new bool[16], _ignored = new bool[16];
    private int[] _order = new int[16];
    private double[] _best = new double[64], _sizes = new double[64];

    public CocoMatcher(CocoOptions options, CocoRules rules)
    {
        _options = options;
        _rules = rules;
        _starts = [.. options.IouThresholds.Select(t => Math.Min(t, 1 - 1e-10))];
        _areas = [.. options.AreaRanges];
        MaxDetections = rules.MaxDetections;
        _overlap = new OverlapMatrix(options, rules.CrowdsAreReusable);
    }

    public override int Layers => _areas.Length;

    public override int MaxDetections { get; }

    public override bool Counts(in GroundTruthObject o) => !_rules.Ignores(o) && !(Size(o) < _areas[0].Min) && !(Size(o) > _areas[0].Max);

    public override ReadOnlySpan<double> Overlaps(in MatchGroup group)
    {
        _overlap.Compute(group);
        return _overlap.Values.AsSpan(0, group.Detections.Length * group.Objects.Length);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Match(in MatchGroup group, SegmentSlots slots)
    {
        int n = group.Detections.Length, m = group.Objects.Length, layers = _areas.Length;
        if (m > _taken.Length)
        {
            var size = Math.Max(m, _taken.Length * 2);
            (_taken, _crowd, _ignored, _order) = (new bool[size], new bool[size], new bool[size], new int[size]);
        }
        if (n > _best.Length) (_best, _sizes) = (new double[n * 2], new double[n * 2]);
        MeasureDetections(group);
        // pycocotools looks keypoint overlaps up under the class; class-agnostic it finds none.
        var noOverlaps = _options.Kind == IouKind.Keypoints && _options.ClassAgnostic && !_options.Corrected;
        if (n > 0 && m > 0 && !noOverlaps)
        {
            _overlap.Compute(group);
            FindBest(n, m);
        }
        for (var layer = 0; layer < layers; layer++)
        {
            ref readonly var area = ref _areas[layer];
            var counting = OrderObjects(group, area);
            slots.Positives[layer] = counting;
            if (n > 0 && m > 0 && !noOverlaps) MatchLayer(group, slots, layer);
            IgnoreOutside(group, slots, layer, area);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MeasureDetections(in MatchGroup group)
    {
        for (var d = 0; d < group.Detections.Length; d++)
        {
            ref readonly var detection = ref group.AllDetections[group.Detections[d]];
            _sizes[d] = _options.Measure == RangeMeasure.AspectRatio ? AspectOf(detection.Box)
                : _rules.AreaSource == DetectionAreaSource.Box ? detection.Box.Width * detection.Box.Height
                : _rules.DetectionArea(detection, group.Image);
        }
    }

    private double Size(in GroundTruthObject o) => _options.Measure == RangeMeasure.AspectRatio ? AspectOf(o.Box)
        : _options.Kind == IouKind.Oriented ? CornerOverlap.Area(OverlapMatrix.CornersOf(o)) : o.Area;

    private static double AspectOf(in Box box) => box.Height > 0 ? box.Width / box.Height : double.PositiveInfinity;

    /// <summary>Highest overlap of every detection; NaN counts as highest because comparisons with it never reject.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindBest(int n, int m)
    {
        var values = _overlap.Values;
        for (var d = 0; d < n; d++)
        {
            var best = -1.0;
            for (var g = 0; g < m; g++)
            {
                var v = values[(d * m) + g];
                if (!(v <= best)) best = double.IsNaN(v) ? double.PositiveInfinity : v;
            }
            _best[d] = best;
        }
    }

    /// <summary>Ordinary objects first, ignored ones last, each in their order; gives the number of ordinary ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int OrderObjects(in MatchGroup group, in AreaRange area)
    {
        var m = group.Objects.Length;
        var counting = 0;
        var byArea = _options.Measure == RangeMeasure.Area && _options.Kind != IouKind.Oriented;
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            _crowd[g] = o.IsCrowd && _rules.CrowdsAreReusable;
            var size = byArea ? o.Area : Size(o);
            _ignored[g] = _rules.Ignores(o) || size < area.Min || size > area.Max;
            if (!_ignored[g]) _order[counting++] = g;
        }
        var place = counting;
        for (var g = 0; g < m; g++)
        {
            if (_ignored[g]) _order[place++] = g;
        }
        return counting;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MatchLayer(in MatchGroup group, SegmentSlots slots, int layer)
    {
        int n = group.Detections.Length, m = group.Objects.Length, layers = _areas.Length;
        var values = _overlap.Values;
        for (var t = 0; t < _starts.Length; t++)
        {
            var start = _starts[t];
            var bit = 1UL << t;
            Array.Clear(_taken, 0, m);
            for (var d = 0; d < n; d++)
            {
                if (_best[d] < start) continue;
                var match = Pick(values, d * m, m, start);
                if (match < 0) continue;
                _taken[match] = true;
                if (layer == 0 && t == 0) Ledger?.Meet(group, d, match, values[(d * m) + match]);
                var slot = (d * layers) + layer;
                if (_ignored[match]) slots.Ignored[slot] |= bit;
                // Matches are kept as object ids in an array that starts as zero, so id 0 reads as "no match".
                ref readonly var o = ref group.AllObjects[group.Objects[match]];
                if (o.Id != 0 || !o.FromFile || !_rules.IdZeroIsNoMatch) slots.Hits[slot] |= bit;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Pick(double[] values, int row, int m, double start)
    {
        var best = start;
        var match = -1;
        for (var j = 0; j < m; j++)
        {
            var g = _order[j];
            if (_taken[g] && !_crowd[g]) continue;
            if (match >= 0 && !_ignored[match] && _ignored[g]) break;
            var v = values[row + g];
            if (v < best) continue;
            best = v;
            match = g;
        }
        return match;
    }

    /// <summary>Unmatched detections whose own area is outside the range do not count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void IgnoreOutside(in MatchGroup group, SegmentSlots slots, int layer, in AreaRange area)
    {
        var layers = _areas.Length;
        var all = _starts.Length == 64 ? ulong.MaxValue : (1UL << _starts.Length) - 1;
        for (var d = 0; d < group.Detections.Length; d++)
        {
            var outside = _sizes[d] < area.Min || _sizes[d] > area.Max;
            if (!outside
                && !(_rules.HonoursNotExhaustive
                && _rules.MissNeverCounts(group.AllDetections[group.Detections[d]], group.Image))) continue;
            var slot = (d * layers) + layer;
            slots.Ignored[slot] |= all & ~slots.Hits[slot];
        }
    }
}
