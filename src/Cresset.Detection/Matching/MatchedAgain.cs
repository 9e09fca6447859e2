namespace Cresset.Detection;

/// <summary>
/// Matches the groups of a plan again and again under different rules. What does not depend on them is arranged once: which detections a
/// group has, in which order, and their scores. Only groups with objects are visited; in the others nothing can be hit or counted.
/// </summary>
internal sealed class MatchedAgain
{
    private readonly EvaluationPlan _plan;
    private readonly CategoryMatches[] _blanks;
    private readonly List<Group>[] _groups;

    public MatchedAgain(EvaluationPlan plan, int maxDetections)
    {
        _plan = plan;
        // This sorts the detections of the plan within their groups.
        _blanks = MatchRunner.Run(plan, () => new NobodyMatcher(maxDetections), Environment.ProcessorCount, null, default);
        _groups = [.. Enumerable.Range(0, _blanks.Length).Select(k => GroupsOf(plan, k))];
    }

    public CategoryMatches[] Run(Func<GroupMatcher> makeMatcher)
    {
        var matches = new CategoryMatches[_blanks.Length];
        Parallel.For(0, matches.Length, makeMatcher, (k, _, matcher) =>
        {
            matches[k] = _blanks[k].Blank();
            foreach (var group in _groups[k]) Match(matches[k], group, matcher);
            return matcher;
        }, _ => { });
        return matches;
    }

    private void Match(CategoryMatches matches, Group group, GroupMatcher matcher)
    {
        var slots = matches.Reopen(group.Segment);
        var image = matches.ImageId(group.Segment);
        matcher.Match(new MatchGroup
        {
            ImageId = image,
            CategoryId = matches.CategoryId,
            Image = _plan.Dataset.FindImage(image),
            AllObjects = _plan.Dataset.Objects,
            AllDetections = _plan.Results.Items,
            Objects = _plan.Objects.AsSpan(group.Object, group.Objects),
            Detections = _plan.Detections.AsSpan(group.Detection, slots.Scores.Length),
        }, slots);
        matches.Reseal(group.Segment);
    }

    private static List<Group> GroupsOf(EvaluationPlan plan, int k)
    {
        var groups = new List<Group>();
        int d = plan.DetectionStarts[k], dEnd = plan.DetectionStarts[k + 1], g = plan.ObjectStarts[k], gEnd = plan.ObjectStarts[k + 1];
        for (var segment = 0; d < dEnd || g < gEnd; segment++)
        {
            var image = Math.Min(d < dEnd ? plan.DetectionImages[d] : int.MaxValue, g < gEnd ? plan.ObjectImages[g] : int.MaxValue);
            int d0 = d, g0 = g;
            while (d < dEnd && plan.DetectionImages[d] == image) d++;
            while (g < gEnd && plan.ObjectImages[g] == image) g++;
            if (g > g0) groups.Add(new Group(segment, d0, g0, g - g0));
        }
        return groups;
    }

    /// <summary>A segment with objects: its place, its first detection, its first object and their number.</summary>
    private readonly record struct Group(int Segment, int Detection, int Object, int Objects);

    private sealed class NobodyMatcher(int maxDetections) : GroupMatcher
    {
        public override int Layers => 2;

        public override int MaxDetections => maxDetections;

        public override bool Counts(in GroundTruthObject o) => false;

        public override ReadOnlySpan<double> Overlaps(in MatchGroup group) => [];

        public override void Match(in MatchGroup group, SegmentSlots slots)
        {
        }
    }
}
