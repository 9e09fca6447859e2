namespace Cresset.Detection;

/// <summary>What may be wrong with a label.</summary>
public enum LabelErrorKind
{
    /// <summary>A confident detection where nothing is labelled.</summary>
    MissingLabel,

    /// <summary>A confident detection of another class on a labelled object.</summary>
    WrongClass,

    /// <summary>A confident detection that overlaps an object of its class too little.</summary>
    BadlyPlaced,
}

/// <summary>A label that a person should look at.</summary>
/// <param name="Kind">What may be wrong.</param>
/// <param name="Image">The image.</param>
/// <param name="Object">The labelled object; null for a missing one.</param>
/// <param name="Detection">The detection that disagrees.</param>
/// <param name="Iou">Their overlap, or the highest with any object.</param>
public sealed record LabelErrorCandidate(LabelErrorKind Kind, DatasetImage Image, GroundTruthObject? Object, DetectedObject Detection,
    double Iou);

/// <summary>Finds labels that confident detections contradict, the most confident first.</summary>
public static class LabelErrors
{
    /// <summary>Finds candidates.</summary>
    /// <param name="matching">A matching; the IoU threshold says what badly placed means.</param>
    /// <param name="minScore">Detections below say nothing about labels.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static IReadOnlyList<LabelErrorCandidate> Find(DetectionMatching matching, double minScore = 0.7, int limit = 100,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(matching);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var items = matching.Results.Items.ToArray();
        var found = new List<LabelErrorCandidate>();
        // A miss that was put there for a broken record says nothing.
        var named = new ErrorBreakdown(matching).Name(Math.Min(0.1, matching.IouThreshold), cancellationToken)
            .Where(e => items[e.Detection].Score >= minScore && items[e.Detection].Score != DetectedObject.FirstRank)
            .OrderBy(e => ScoreOrder.Key(items[e.Detection].Score)).ThenBy(e => e.Detection);
        foreach (var e in named)
        {
            if (found.Count == limit) break;
            LabelErrorKind? kind = e.Error switch
            {
                TideError.Background => LabelErrorKind.MissingLabel,
                TideError.Classification => LabelErrorKind.WrongClass,
                // An object that another detection meets well is placed well.
                TideError.Localization when matching.Ledger.Objects[e.Object] == MatchOutcome.Missed => LabelErrorKind.BadlyPlaced,
                _ => null,
            };
            if (kind is null || matching.Dataset.FindImage(items[e.Detection].ImageId) is not { } image) continue;
            found.Add(new LabelErrorCandidate(kind.Value, image, e.Object >= 0 ? matching.Dataset.Objects[e.Object] : null,
                items[e.Detection], e.Iou));
        }
        return found;
    }
}
