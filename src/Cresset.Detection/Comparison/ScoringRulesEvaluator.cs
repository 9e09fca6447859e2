namespace Cresset.Detection;

/// <summary>Mean AP at one IoU threshold under any set of rules.</summary>
internal sealed class ScoringRulesEvaluator(DetectionDataset dataset, DetectionResults results, double threshold)
{
    private readonly Dictionary<ScoringRules, double> _known = [];
    private (ScoringRules Rules, CategoryMatches[] Matches)? _first, _last;
    private readonly Dictionary<(bool, bool, int, bool), EvaluationPlan> _plans = [];
    private readonly Dictionary<((bool, bool, int, bool) Plan, int Limit, TieRule Ties), int[][]> _orders = [];
    private readonly Dictionary<((bool, bool, int, bool) Plan, int Limit), MatchedAgain> _blanks = [];
    private readonly Lazy<IdleRules> _idle = new(() => new IdleRules(dataset, results));
    private readonly Lazy<bool[]> _meeting = new(() => MeetingDetections.Find(dataset, results, threshold));

    /// <summary>
    /// Mean AP under the rules. Chains of rules share their beginnings, and their ends differ in the curve only, so answers are kept, and
    /// the matches of the first and the last rules asked for. The order of the scores does not depend on who meets whom.
    /// </summary>
    public double MeanAp(ScoringRules rules)
    {
        rules = _idle.Value.Without(rules);
        if (_known.TryGetValue(rules, out var known)) return known;
        var order = rules.Ties == TieRule.ImageFileOrder ? FileOrderOfImages() : null;
        var ranking = new RankingRules(rules.Ties == TieRule.FileOrder, rules.Ties == TieRule.LaterImageFirst, rules.GroupWeight,
            DropIgnored: true);
        var matches = Matches(rules);
        var key = (PlanKey(rules), rules.PerImageAndClass, rules.Ties);
        if (!_orders.TryGetValue(key, out var orders)) _orders[key] = orders = new int[matches.Length][];
        var ap = new (double Sum, int Count)[matches.Length];
        Parallel.For(0, matches.Length, k =>
        {
            var m = matches[k];
            if (m.TotalPositives(0) == 0 && !rules.EmptyClassesCountZero && !(rules.GroupWeight > 0)) return;
            if (order is not null) m = Rearrange(m, order);
            orders[k] ??= ranking.Order(m);
            var curve = RankedCurve.Outline(m, 0, 0, ranking, orders[k]);
            ap[k].Sum = curve.Positives > 0 ? Ap(curve, rules.Curve) : 0;
            ap[k].Count = curve.Positives > 0 || (rules.EmptyClassesCountZero && curve.Scores.Count > 0) ? 1 : 0;
        });
        double sum = 0;
        var count = 0;
        foreach (var (one, counts) in ap) (sum, count) = (sum + one, count + counts);
        return _known[rules] = count == 0 ? double.NaN : sum / count;
    }

    private static (bool, bool, int, bool) PlanKey(ScoringRules rules)
        => (rules.VerifiedClassesOnly, rules.VerifiedWhereListed, rules.PerImage, rules.CopiesByLastId);

    private CategoryMatches[] Matches(ScoringRules rules)
    {
        var matching = rules with { Curve = default, Ties = default, EmptyClassesCountZero = false, GroupWeight = 0 };
        if (_first is { } first && first.Rules == matching) return first.Matches;
        if (_last is { } last && last.Rules == matching) return last.Matches;
        var meeting = _meeting.Value;
        var plan = Plan(rules);
        CategoryMatches[] matches;
        if (rules.VerifiedClassesOnly)
        {
            // Here a detection may be excused where no object is.
            matches = MatchRunner.Run(plan, () => new RulesMatcher(rules, threshold, meeting), Environment.ProcessorCount, null, default);
        }
        else
        {
            var key = (PlanKey(rules), rules.PerImageAndClass);
            if (!_blanks.TryGetValue(key, out var again)) _blanks[key] = again = new MatchedAgain(plan, rules.PerImageAndClass);
            matches = again.Run(() => new RulesMatcher(rules, threshold, meeting));
        }
        _first ??= (matching, matches);
        _last = (matching, matches);
        return matches;
    }

    private EvaluationPlan Plan(ScoringRules rules)
    {
        var key = PlanKey(rules);
        if (_plans.TryGetValue(key, out var kept)) return kept;
        HashSet<long> ids = [.. dataset.Categories.Select(c => c.Id)];
        bool[]? keep = rules.VerifiedClassesOnly
            ? FederatedFilter.Keep(dataset.Objects, results.Items, dataset.FindImage, rules.PerImage, ids)
            : rules.VerifiedWhereListed ? WhereListed(ids)
            : rules.PerImage < int.MaxValue ? Best(rules.PerImage) : null;
        var plan = EvaluationPlan.Make(dataset, results, null, null, false, rules.CopiesByLastId, keep is null ? null : i => keep[i]);
        return _plans[key] = plan;
    }

    private static double Ap(RankedCurve curve, CurveRule rule) => rule switch
    {
        CurveRule.NumpyGrid => curve.GridAp(Grid.Linspace(0, 1, 101)),
        CurveRule.SingleGrid => curve.GridAp(CocoBackend.SingleLinspace(0, 1, 101)),
        CurveRule.ExactGrid => curve.HundredPointAp(),
        CurveRule.AllPoints => curve.AllPointAp(),
        CurveRule.ElevenPoints => curve.ElevenPointAp(),
        CurveRule.Trapezoids => YoloCurve.Ap(curve, legacy: false),
        _ => YoloCurve.Ap(curve, legacy: true),
    };

    private bool[] WhereListed(HashSet<long> ids)
    {
        var keep = FederatedFilter.Keep(dataset.Objects, results.Items, dataset.FindImage, int.MaxValue, ids);
        for (var i = 0; i < keep.Length; i++) keep[i] |= dataset.FindImage(results.Items[i].ImageId)?.NegativeCategoryIds is null;
        return keep;
    }

    private bool[] Best(int perImage)
    {
        var keep = new bool[results.Items.Length];
        foreach (var group in Enumerable.Range(0, keep.Length).GroupBy(i => results.Items[i].ImageId))
        {
            var indexes = group.ToArray();
            ScoreOrder.SortGroup(indexes, results.Items);
            foreach (var i in indexes.Take(perImage)) keep[i] = true;
        }
        return keep;
    }

    private Dictionary<long, int> FileOrderOfImages()
        => dataset.Images.DistinctBy(i => i.Id).Select((image, i) => (image.Id, i)).ToDictionary(x => x.Id, x => x.i);

    private static CategoryMatches Rearrange(CategoryMatches matches, Dictionary<long, int> order)
    {
        var arranged = new CategoryMatches(matches.CategoryId, matches.Layers);
        arranged.Reserve(matches.Segments, matches.Detections);
        foreach (var s in Enumerable.Range(0, matches.Segments).OrderBy(s => order[matches.ImageId(s)])) arranged.CopySegment(matches, s);
        return arranged;
    }

    private sealed class RulesMatcher(ScoringRules rules, double threshold, bool[] meeting) : GroupMatcher
    {
        public override int Layers => 2;

        public override int MaxDetections => rules.PerImageAndClass;

        public override bool Counts(in GroundTruthObject o) => !Ignored(o) && !OutOfPlay(o);

        public override ReadOnlySpan<double> Overlaps(in MatchGroup group)
        {
            var values = new double[group.Detections.Length * group.Objects.Length];
            for (var i = 0; i < values.Length; i++)
            {
                var box = group.AllDetections[group.Detections[i / group.Objects.Length]].Box;
                values[i] = Overlap(box, group.AllObjects[group.Objects[i % group.Objects.Length]].Box, crowd: false);
            }
            return values;
        }

        public override void Match(in MatchGroup group, SegmentSlots slots)
        {
            if (rules.GroupOf)
            {
                if (AnyMeets(group)) new OpenImagesMatcher([threshold]).Match(group, slots);
                else CountGroups(group, slots);
                return;
            }
            if (group.Objects.Length == 0)
            {
                for (var d = 0; d < group.Detections.Length; d++)
                {
                    if (Excused(group, group.AllDetections[group.Detections[d]])) slots.Ignored[2 * d] = 1;
                }
                return;
            }
            var taken = new bool[group.Objects.Length];
            for (var g = 0; g < group.Objects.Length; g++)
            {
                if (Counts(group.AllObjects[group.Objects[g]])) slots.Positives[0]++;
            }
            for (var d = 0; d < group.Detections.Length; d++)
            {
                ref readonly var detection = ref group.AllDetections[group.Detections[d]];
                var match = meeting[group.Detections[d]] ? Pick(group, detection, taken) : -1;
                if (match < 0)
                {
                    if (Excused(group, detection)) slots.Ignored[2 * d] = 1;
                    continue;
                }
                ref readonly var o = ref group.AllObjects[group.Objects[match]];
                if (Ignored(o)) slots.Ignored[2 * d] = 1;
                else if (taken[match]) continue;
                else if (o.Id != 0 || !o.FromFile || !rules.IdZeroIsMiss) slots.Hits[2 * d] = 1;
                taken[match] = true;
            }
        }

        private bool AnyMeets(in MatchGroup group)
        {
            foreach (var d in group.Detections)
            {
                if (meeting[d]) return true;
            }
            return false;
        }

        /// <summary>What the matcher of groups counts where nothing meets.</summary>
        private static void CountGroups(in MatchGroup group, SegmentSlots slots)
        {
            foreach (var index in group.Objects)
            {
                ref readonly var o = ref group.AllObjects[index];
                if (o.IsGroupOf) slots.Positives[1]++;
                else if (!o.IsDifficult) slots.Positives[0]++;
            }
        }

        private bool Ignored(in GroundTruthObject o)
            => (o.IsCrowd && (rules.Crowds is CrowdRule.Reusable or CrowdRule.Neutral)) || (o.IsIgnored && rules.IgnoreFlag)
                || (o.IsDifficult && rules.DifficultIsNeutral);

        private bool OutOfPlay(in GroundTruthObject o) => o.IsCrowd && rules.Crowds == CrowdRule.Region;

        private bool Reusable(in GroundTruthObject o) => o.IsCrowd && rules.Crowds == CrowdRule.Reusable;

        /// <summary>With a second choice, ordinary objects come before ignored ones; without, the highest overlap decides alone.</summary>
        private int Pick(in MatchGroup group, in DetectedObject detection, bool[] taken)
        {
            var best = -1;
            var highest = Math.Min(threshold, 1 - 1e-10);
            var bestIgnored = false;
            for (var pass = 0; pass < (rules.SecondChoice ? 2 : 1); pass++)
            {
                if (pass == 1 && best >= 0) break;
                for (var g = 0; g < group.Objects.Length; g++)
                {
                    ref readonly var o = ref group.AllObjects[group.Objects[g]];
                    var ignored = Ignored(o);
                    if (OutOfPlay(o) || (rules.SecondChoice && (ignored != (pass == 1) || (taken[g] && !Reusable(o))))) continue;
                    var iou = Overlap(detection.Box, o.Box, Reusable(o));
                    var mayEqual = best < 0 ? !rules.StrictlyAbove : rules.LaterOfEqualIou;
                    var better = mayEqual ? iou >= highest : iou > highest;
                    if (better) (best, highest, bestIgnored) = (g, iou, ignored);
                }
            }
            return bestIgnored || best >= 0 ? best : -1;
        }

        private bool Excused(in MatchGroup group, in DetectedObject detection)
        {
            if (rules.VerifiedClassesOnly && group.Image?.NotExhaustiveCategoryIds is { } open
                && open.Contains(group.CategoryId)) return true;
            if (rules.Crowds != CrowdRule.Region) return false;
            foreach (var index in group.Objects)
            {
                ref readonly var o = ref group.AllObjects[index];
                if (o.IsCrowd && BoxOverlap.Iou(detection.Box, o.Box, otherIsCrowd: true) > threshold) return true;
            }
            return false;
        }

        private double Overlap(Box a, Box b, bool crowd)
        {
            if (rules.SingleBoxes)
            {
                a = new Box((float)a.X, (float)a.Y, (float)a.Width, (float)a.Height);
                b = new Box((float)b.X, (float)b.Y, (float)b.Width, (float)b.Height);
            }
            return rules.InclusivePixels ? BoxOverlap.InclusiveIou(a, b) : BoxOverlap.Iou(a, b, crowd);
        }
    }
}
