namespace Cresset.Detection;

/// <summary>A ranking of detections of one category with running precision and recall, as drawn without any interpolation.</summary>
public sealed class RankedCurve
{
    private static readonly double[] Hundredths = [.. Enumerable.Range(0, 101).Select(i => i / 100.0)];

    internal RankedCurve(double[] scores, double[] weights, double positives)
    {
        Scores = scores;
        Positives = positives;
        Recall = new double[scores.Length];
        Precision = new double[scores.Length];
        Hits = weights;
        double tp = 0, fp = 0;
        for (var i = 0; i < scores.Length; i++)
        {
            // A negative weight marks a detection that is neither hit nor miss.
            if (weights[i] > 0) tp += weights[i];
            else if (weights[i] == 0) fp++;
            Recall[i] = tp / positives;
            Precision[i] = tp / Math.Max(tp + fp, KeypointSimilarity.Epsilon);
        }
    }

    /// <summary>Scores, falling.</summary>
    public IReadOnlyList<double> Scores { get; }

    /// <summary>1 for a hit, 0 for a miss, -1 for a detection that does not count; other values are weighted hits.</summary>
    public double[] Hits { get; }

    /// <summary>Objects that count.</summary>
    public double Positives { get; }

    /// <summary>Recall after each detection; NaN without objects.</summary>
    public double[] Recall { get; }

    /// <summary>Precision after each detection.</summary>
    public double[] Precision { get; }

    /// <summary>Area under the falling envelope (VOC from 2010 on). Without objects NaN, or 0 without detections too.</summary>
    public double AllPointAp()
    {
        var n = Scores.Count;
        double area = 0, envelope = 0, right = 1;
        // From the right: the envelope is the highest precision at or after a place.
        for (var i = n - 1; i >= 0; i--)
        {
            // NaN differs from itself, so an undefined recall always takes part, as in the original.
            if (right != Recall[i]) area += (right - Recall[i]) * envelope;
            envelope = Math.Max(envelope, Precision[i]);
            right = Recall[i];
        }
        if (right != 0) area += right * envelope;
        return n == 0 ? 0 : area;
    }

    /// <summary>Mean of the highest precision at or beyond the recalls 0, 0.1, ... 1 (VOC until 2009).</summary>
    public double ElevenPointAp()
    {
        Span<double> highest = stackalloc double[11];
        double best = 0, sum = 0;
        // Recall only grows: what lies beyond a recall is the end of the ranking.
        for (int k = 10, i = Recall.Length; k >= 0; k--)
        {
            var wanted = k * 0.1;
            for (; i > 0 && Recall[i - 1] >= wanted; i--) best = Math.Max(best, Precision[i - 1]);
            highest[k] = best;
        }
        foreach (var h in highest) sum += h;
        return sum / 11;
    }

    /// <summary>Mean of the envelope at the recalls i/100, i = 0 to 100.</summary>
    public double HundredPointAp() => GridAp(Hundredths);

    /// <summary>Mean of the envelope at the given recalls, 0 beyond the last.</summary>
    internal double GridAp(IReadOnlyList<double> recalls)
    {
        var envelope = (double[])Precision.Clone();
        for (var i = envelope.Length - 1; i > 0; i--) envelope[i - 1] = Math.Max(envelope[i - 1], envelope[i]);
        double sum = 0;
        var place = 0;
        foreach (var wanted in recalls)
        {
            while (place < envelope.Length && !(Recall[place] >= wanted)) place++;
            if (place == envelope.Length) break;
            sum += envelope[place];
        }
        return sum / recalls.Count;
    }

    /// <summary>The same ranking without detections that do not count.</summary>
    internal RankedCurve WithoutIgnored()
    {
        if (Array.TrueForAll(Hits, h => h >= 0)) return this;
        int[] kept = [.. Enumerable.Range(0, Hits.Length).Where(i => Hits[i] >= 0)];
        return new RankedCurve(Array.ConvertAll(kept, i => Scores[i]), Array.ConvertAll(kept, i => Hits[i]), Positives);
    }

    internal static RankedCurve Make(CategoryMatches matches, int threshold, int layer, RankingRules rules, int[]? given = null)
    {
        var order = given ?? rules.Order(matches);
        var bit = 1UL << threshold;
        var layers = matches.Layers;
        var grouping = layers == 2 && rules.GroupWeight > 0;
        var (patterns, known) = matches.Bits;
        var words = known.Words;
        var all = matches.Scores;
        var scores = new double[order.Length];
        var weights = new double[order.Length];
        var count = 0;
        foreach (var i in order)
        {
            var pattern = words.Slice(patterns[i] * 2 * layers, 2 * layers);
            double weight = 0;
            if (grouping && (pattern[1] & bit) != 0) weight = rules.GroupWeight;
            else if ((pattern[layers + layer] & bit) != 0) weight = -1;
            else if ((pattern[layer] & bit) != 0) weight = 1;
            if (weight < 0 && rules.DropIgnored) continue;
            scores[count] = all[i];
            weights[count++] = weight;
        }
        if (count < order.Length) (scores, weights) = (scores[..count], weights[..count]);
        var groups = grouping && layer == 0 ? rules.GroupWeight * matches.TotalPositives(1) : 0;
        return new RankedCurve(scores, weights, matches.TotalPositives(layer) + groups);
    }
}

/// <summary>How a protocol orders detections of equal score and weighs groups.</summary>
internal sealed record RankingRules(bool TiesByFileOrder, bool TiesReversedBetweenImages = false, double GroupWeight = 0,
    bool DropIgnored = false)
{
    public int[] Order(CategoryMatches matches)
    {
        var n = matches.Detections;
        var keys = new ulong[n];
        if (!TiesByFileOrder && !TiesReversedBetweenImages)
        {
            for (var i = 0; i < n; i++) keys[i] = ScoreOrder.Key(matches.Scores[i]);
            return ScoreOrder.Sort(keys);
        }
        int[] first;
        if (TiesByFileOrder)
        {
            for (var i = 0; i < n; i++) keys[i] = (ulong)matches.Sequence(i);
            first = ScoreOrder.Sort(keys);
        }
        else
        {
            first = [.. Enumerable.Range(0, matches.Segments).Reverse()
                .SelectMany(s => Enumerable.Range(matches.Start(s), matches.End(s) - matches.Start(s)))];
        }
        for (var i = 0; i < n; i++) keys[i] = ScoreOrder.Key(matches.Scores[first[i]]);
        return Array.ConvertAll(ScoreOrder.Sort(keys), i => first[i]);
    }
}
