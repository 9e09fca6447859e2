namespace Cresset.Detection;

/// <summary>
/// Optimal localization-recall-precision error of one class (Oksuz et al. 2021, arXiv:2011.10772): the lowest, over all score thresholds,
/// of <c>(sum over hits of (1 - IoU) / (1 - t) + false + missed) / (hits + false + missed)</c>, t being the IoU threshold.
/// Lower is better; 1 where nothing is found.
/// </summary>
/// <param name="Id">Category.</param>
/// <param name="Name">Its name.</param>
/// <param name="Error">The error, in [0, 1].</param>
/// <param name="Localization">Mean of 1 - IoU over the hits at the best threshold; NaN without hits.</param>
/// <param name="FalseShare">Share of false detections there (1 - precision); NaN without detections.</param>
/// <param name="MissedShare">Share of missed objects there (1 - recall).</param>
/// <param name="Threshold">The best score threshold; NaN where nothing is found.</param>
public sealed record LocalizationRecallPrecision(
    long Id, string Name, double Error, double Localization, double FalseShare, double MissedShare, double Threshold)
{
    /// <summary>The errors of all classes that have objects, ascending by id; their mean is moLRP.</summary>
    public static IReadOnlyList<LocalizationRecallPrecision> Compute(DetectionMatching matching)
    {
        ArgumentNullException.ThrowIfNull(matching);
        var (ledger, items, objects) = (matching.Ledger, matching.Results.Items.ToArray(), matching.Dataset.Objects.ToArray());
        var counts = new SortedDictionary<long, int>();
        for (var i = 0; i < objects.Length; i++)
        {
            if (!DetectionMatching.Counted(ledger.Objects[i])) continue;
            var category = matching.ClassOf(objects[i].CategoryId);
            counts[category] = counts.GetValueOrDefault(category) + 1;
        }
        var judged = Enumerable.Range(0, items.Length).Where(d => ledger.Detections[d] is MatchOutcome.Hit or MatchOutcome.False);
        var ranked = judged.OrderBy(d => ScoreOrder.Key(items[d].Score)).ToLookup(d => matching.ClassOf(items[d].CategoryId));
        return [.. counts.Select(c => Best(matching, c.Key, c.Value, [.. ranked[c.Key]], items))];
    }

    private static LocalizationRecallPrecision Best(DetectionMatching matching, long id, int objects, int[] ranked, DetectedObject[] items)
    {
        var name = matching.Options.ClassAgnostic ? "all" : matching.Dataset.CategoryName(id);
        var best = new LocalizationRecallPrecision(id, name, 1, double.NaN, double.NaN, 1, double.NaN);
        var span = 1 - matching.IouThreshold;
        double apart = 0;
        int hits = 0, wrong = 0;
        for (var i = 0; i < ranked.Length; i++)
        {
            if (matching.Ledger.Detections[ranked[i]] == MatchOutcome.Hit)
            {
                hits++;
                apart += 1 - matching.Ledger.Iou[ranked[i]];
            }
            else
            {
                wrong++;
            }
            // A threshold keeps all detections of equal score.
            var score = items[ranked[i]].Score;
            if (i + 1 < ranked.Length && items[ranked[i + 1]].Score == score) continue;
            var missed = objects - hits;
            var error = ((span > 0 ? apart / span : 0) + wrong + missed) / (hits + wrong + missed);
            if (!(error < best.Error)) continue;
            var shareFalse = (double)wrong / (hits + wrong);
            best = new LocalizationRecallPrecision(id, name, error, apart / hits, shareFalse, (double)missed / objects, score);
        }
        return best;
    }
}
