namespace Cresset.Detection;

/// <summary>
/// Which detections can meet an object of their image and class at an IoU threshold, however the overlap is taken. All the others are
/// misses under every set of rules, and nobody has to look for their objects again.
/// </summary>
internal static class MeetingDetections
{
    /// <summary>Beyond this a float moves a corner by more than the margin.</summary>
    private const double Largest = 1e6;
    private const double Margin = 2;

    /// <summary>True also where it is not certain.</summary>
    public static bool[] Find(DetectionDataset dataset, DetectionResults results, double threshold)
    {
        var meeting = new bool[results.Items.Length];
        // Copies of an id may stand for one another, in another image too.
        foreach (var copies in new[] { false, true })
        {
            var plan = EvaluationPlan.Make(dataset, results, null, null, classAgnostic: false, lastCopyStandsForAll: copies);
            Parallel.For(0, plan.CategoryIds.Length, k => Mark(plan, k, Math.Min(threshold, 1 - 1e-10), meeting));
            if (plan.Objects.Length == 0 || !HasCopies(dataset)) break;
        }
        return meeting;
    }

    private static bool HasCopies(DetectionDataset dataset)
    {
        var ids = new HashSet<long>();
        foreach (ref readonly var o in dataset.Objects)
        {
            if (o.FromFile && !ids.Add(o.Id)) return true;
        }
        return false;
    }

    private static void Mark(EvaluationPlan plan, int k, double threshold, bool[] meeting)
    {
        int end = plan.ObjectStarts[k + 1], first = plan.ObjectStarts[k];
        var objects = plan.Dataset.Objects;
        var detections = plan.Results.Items;
        for (var d = plan.DetectionStarts[k]; d < plan.DetectionStarts[k + 1]; d++)
        {
            var image = plan.DetectionImages[d];
            while (first < end && plan.ObjectImages[first] < image) first++;
            var box = detections[plan.Detections[d]].Box;
            for (var g = first; g < end && plan.ObjectImages[g] == image && !meeting[plan.Detections[d]]; g++)
            {
                meeting[plan.Detections[d]] = Meets(box, objects[plan.Objects[g]].Box, threshold);
            }
        }
    }

    private static bool Meets(in Box a, in Box b, double threshold)
    {
        if (!IsOrdinary(a) || !IsOrdinary(b)) return true;
        if (Math.Min(a.Right, b.Right) - Math.Max(a.X, b.X) <= -Margin || Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Y, b.Y) <= -Margin)
        {
            return false;
        }
        return AnyReaches(a, b, threshold) || AnyReaches(Single(a), Single(b), threshold);
    }

    private static bool AnyReaches(in Box a, in Box b, double threshold)
        => BoxOverlap.Iou(a, b) >= threshold || BoxOverlap.Iou(a, b, otherIsCrowd: true) >= threshold
            || BoxOverlap.InclusiveIou(a, b) >= threshold;

    /// <summary>Whether its corners are numbers that a float holds well enough, and its sides are not below 0.</summary>
    private static bool IsOrdinary(in Box b)
        => b.Width >= 0 && b.Height >= 0 && Math.Max(Math.Abs(b.X), b.Right) <= Largest && Math.Max(Math.Abs(b.Y), b.Bottom) <= Largest;

    private static Box Single(in Box b) => new((float)b.X, (float)b.Y, (float)b.Width, (float)b.Height);
}
