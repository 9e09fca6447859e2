using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Runs a matcher over all groups of a plan, a category at a time; the result is the same for any number of threads.</summary>
internal static class MatchRunner
{
    /// <summary>The file order is not known; equal scores then follow the image ids.</summary>
    public const long NoSequence = long.MinValue;

    public static CategoryMatches[] Run(EvaluationPlan plan, Func<GroupMatcher> makeMatcher, int threads, IProgress<double>? progress,
        CancellationToken cancellation)
    {
        var matches = new CategoryMatches[plan.CategoryIds.Length];
        var done = 0;
        if (threads <= 1 || matches.Length == 1)
        {
            var matcher = makeMatcher();
            for (var k = 0; k < matches.Length; k++)
            {
                matches[k] = RunCategory(plan, k, matcher, cancellation);
                progress?.Report((double)(k + 1) / matches.Length);
            }
            return matches;
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        Parallel.For(0, matches.Length, options, makeMatcher, (k, _, matcher) =>
        {
            matches[k] = RunCategory(plan, k, matcher, cancellation);
            progress?.Report((double)Interlocked.Increment(ref done) / matches.Length);
            return matcher;
        }, _ => { });
        return matches;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static CategoryMatches RunCategory(EvaluationPlan plan, int k, GroupMatcher matcher, CancellationToken cancellation)
    {
        var matches = new CategoryMatches(plan.CategoryIds[k], matcher.Layers);
        int d = plan.DetectionStarts[k], dEnd = plan.DetectionStarts[k + 1], g = plan.ObjectStarts[k], gEnd = plan.ObjectStarts[k + 1];
        matches.Reserve(Math.Min(plan.ImageIds.Length, dEnd - d + gEnd - g), dEnd - d);
        while (d < dEnd || g < gEnd)
        {
            cancellation.ThrowIfCancellationRequested();
            var image = Math.Min(d < dEnd ? plan.DetectionImages[d] : int.MaxValue, g < gEnd ? plan.ObjectImages[g] : int.MaxValue);
            int d0 = d, g0 = g;
            while (d < dEnd && plan.DetectionImages[d] == image) d++;
            while (g < gEnd && plan.ObjectImages[g] == image) g++;
            MatchImage(plan, matches, matcher, plan.ImageIds[image], plan.Objects.AsSpan(g0, g - g0), plan.Detections.AsSpan(d0, d - d0));
        }
        return matches;
    }

    private static void MatchImage(EvaluationPlan plan, CategoryMatches matches, GroupMatcher matcher, long imageId,
        ReadOnlySpan<int> objects, Span<int> detections)
        => MatchOne(matches, matcher, imageId, plan.Dataset.FindImage(imageId), plan.Dataset.Objects, plan.Results.Items, objects,
            detections, 0);

    /// <summary>Sorts and cuts the detections of one group and matches them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MatchOne(CategoryMatches matches, GroupMatcher matcher, long imageId, DatasetImage? image,
        ReadOnlySpan<GroundTruthObject> allObjects, ReadOnlySpan<DetectedObject> allDetections, ReadOnlySpan<int> objects,
        Span<int> detections, long firstSequence)
    {
        ScoreOrder.SortGroup(detections, allDetections);
        if (detections.Length > matcher.MaxDetections) detections = detections[..matcher.MaxDetections];
        var inFileOrder = firstSequence != NoSequence;
        var slots = matches.Append(imageId, detections.Length, inFileOrder);
        for (var i = 0; i < detections.Length; i++)
        {
            slots.Scores[i] = allDetections[detections[i]].Score;
            if (inFileOrder) slots.Sequence[i] = (int)firstSequence + detections[i];
        }
        var group = new MatchGroup
        {
            ImageId = imageId,
            CategoryId = matches.CategoryId,
            Image = image,
            AllObjects = allObjects,
            AllDetections = allDetections,
            Objects = objects,
            Detections = detections,
        };
        matcher.Match(group, slots);
        matcher.Ledger?.Close(group, slots, matcher);
        matches.Seal();
    }
}
