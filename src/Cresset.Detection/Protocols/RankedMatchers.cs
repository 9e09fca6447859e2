namespace Cresset.Detection;

/// <summary>
/// VOC and Object-Detection-Metrics: a detection looks at the object of highest overlap (the first of equal ones), taken or not; there is
/// no second choice. DOTA ranks oriented boxes in the same way.
/// </summary>
internal sealed class VocMatcher(IReadOnlyList<double> thresholds, bool padilla, bool oriented = false) : GroupMatcher
{
    private readonly OverlapMatrix _corners = new(new CocoOptions { Kind = IouKind.Oriented }, crowdsDivideByDetection: false);
    private bool[] _taken = new bool[16];

    public override int Layers => 1;

    public override void Match(in MatchGroup group, SegmentSlots slots)
    {
        var m = group.Objects.Length;
        for (var g = 0; g < m; g++)
        {
            if (!Neutral(group.AllObjects[group.Objects[g]])) slots.Positives[0]++;
        }
        if (m > _taken.Length) _taken = new bool[m * 2];
        if (oriented) _corners.Compute(group);
        for (var t = 0; t < thresholds.Count; t++)
        {
            Array.Clear(_taken, 0, m);
            for (var d = 0; d < group.Detections.Length; d++)
            {
                var (overlap, best) = oriented ? BestOfRow(d, m) : Best(group.AllDetections[group.Detections[d]].Box, group);
                if (best < 0 || !(padilla ? overlap >= thresholds[t] : overlap > thresholds[t])) continue;
                if (t == 0) Ledger?.Meet(group, d, best, overlap);
                if (Neutral(group.AllObjects[group.Objects[best]]))
                {
                    slots.Ignored[d] |= 1UL << t;
                }
                else if (!_taken[best])
                {
                    _taken[best] = true;
                    slots.Hits[d] |= 1UL << t;
                }
            }
        }
    }

    /// <summary>Difficult objects neither count nor are missed; COCO crowds are read as such. Padilla's tool knows neither.</summary>
    private bool Neutral(in GroundTruthObject o) => !padilla && (o.IsDifficult || o.IsCrowd);

    public override bool Counts(in GroundTruthObject o) => !Neutral(o);

    public override ReadOnlySpan<double> Overlaps(in MatchGroup group)
    {
        if (oriented)
        {
            _corners.Compute(group);
            return _corners.Values.AsSpan(0, group.Detections.Length * group.Objects.Length);
        }
        var values = new double[group.Detections.Length * group.Objects.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var box = group.AllDetections[group.Detections[i / group.Objects.Length]].Box;
            values[i] = Overlap(box, group.AllObjects[group.Objects[i % group.Objects.Length]].Box);
        }
        return values;
    }

    private (double Overlap, int Index) BestOfRow(int d, int m)
    {
        var best = (Overlap: double.NegativeInfinity, Index: -1);
        for (var g = 0; g < m; g++)
        {
            if (_corners.Values[(d * m) + g] is var overlap && overlap > best.Overlap) best = (overlap, g);
        }
        return best;
    }

    private (double Overlap, int Index) Best(in Box box, in MatchGroup group)
    {
        var best = padilla ? double.Epsilon : double.NegativeInfinity;
        var index = -1;
        for (var g = 0; g < group.Objects.Length; g++)
        {
            var overlap = Overlap(box, group.AllObjects[group.Objects[g]].Box);
            if (!(overlap > best)) continue;
            best = overlap;
            index = g;
        }
        return (best, index);
    }

    private double Overlap(in Box box, in Box o)
    {
        double x1 = box.X, y1 = box.Y, x2 = box.Right, y2 = box.Bottom, ox2 = o.Right, oy2 = o.Bottom;
        // Object-Detection-Metrics first tests the plain edges, so boxes less than a pixel apart do not meet.
        var apart = padilla && (x1 > ox2 || o.X > x2 || y2 < o.Y || y1 > oy2);
        return apart ? 0 : BoxOverlap.InclusiveIou(x1, y1, x2, y2, o.X, o.Y, ox2, oy2);
    }
}

/// <summary>
/// Open Images: the object of highest overlap or none; what is left is tested against group-of regions by intersection over the detection's
/// area. Layer 1 marks the best detection of each group-of region that was found.
/// </summary>
internal sealed class OpenImagesMatcher(IReadOnlyList<double> thresholds) : GroupMatcher
{
    public override int Layers => 2;

    public override void Match(in MatchGroup group, SegmentSlots slots)
    {
        var plain = new List<int>();
        var groups = new List<int>();
        foreach (var index in group.Objects)
        {
            ref readonly var o = ref group.AllObjects[index];
            (o.IsGroupOf ? groups : plain).Add(index);
            if (o.IsGroupOf) slots.Positives[1]++;
            else if (!o.IsDifficult) slots.Positives[0]++;
        }
        for (var t = 0; t < thresholds.Count; t++)
        {
            MatchPlain(group, slots, plain, t);
            MatchGroups(group, slots, groups, t);
        }
    }

    public override bool Counts(in GroundTruthObject o) => !o.IsGroupOf && !o.IsDifficult;

    public override ReadOnlySpan<double> Overlaps(in MatchGroup group)
    {
        var values = new double[group.Detections.Length * group.Objects.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var box = group.AllDetections[group.Detections[i / group.Objects.Length]].Box;
            values[i] = BoxOverlap.Iou(box, group.AllObjects[group.Objects[i % group.Objects.Length]].Box);
        }
        return values;
    }

    private void MatchPlain(in MatchGroup group, SegmentSlots slots, List<int> plain, int t)
    {
        if (plain.Count == 0) return;
        var taken = new bool[plain.Count];
        for (var d = 0; d < group.Detections.Length; d++)
        {
            var (overlap, best) = Best(group, d, plain, overDetection: false);
            if (!(overlap >= thresholds[t])) continue;
            if (t == 0 && !taken[best]) Ledger?.Meet(group.Detections[d], plain[best], overlap);
            if (group.AllObjects[plain[best]].IsDifficult)
            {
                slots.Ignored[2 * d] |= 1UL << t;
            }
            else if (!taken[best])
            {
                taken[best] = true;
                slots.Hits[2 * d] |= 1UL << t;
            }
        }
    }

    private void MatchGroups(in MatchGroup group, SegmentSlots slots, List<int> groups, int t)
    {
        if (groups.Count == 0) return;
        var bit = 1UL << t;
        var found = new bool[groups.Count];
        for (var d = 0; d < group.Detections.Length; d++)
        {
            if (((slots.Hits[2 * d] | slots.Ignored[2 * d]) & bit) != 0) continue;
            var (overlap, best) = Best(group, d, groups, overDetection: true);
            if (!(overlap >= thresholds[t])) continue;
            slots.Ignored[2 * d] |= bit;
            if (t == 0) Ledger?.Meet(group.Detections[d], groups[best], overlap);
            // Detections come by falling score: the first one carries the region's score.
            if (found[best] || !(slots.Scores[d] > 0)) continue;
            found[best] = true;
            slots.Hits[(2 * d) + 1] |= bit;
        }
    }

    private static (double Overlap, int Index) Best(in MatchGroup group, int d, List<int> objects, bool overDetection)
    {
        var box = group.AllDetections[group.Detections[d]].Box;
        var best = (Overlap: double.NegativeInfinity, Index: -1);
        for (var g = 0; g < objects.Count; g++)
        {
            var overlap = BoxOverlap.Iou(box, group.AllObjects[objects[g]].Box, overDetection);
            if (overlap > best.Overlap) best = (overlap, g);
        }
        return best;
    }
}
