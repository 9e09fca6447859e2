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

    private RankedCurve(double[] scores, double[] weights, double[] recall, double[] precision, double positives)
        => (Scores, Hits, Recall, Precision, Positives) = (scores, weights, recall, precision, positives);

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
        var (scores, weights) = Weights(matches, threshold, layer, rules, order);
        return new RankedCurve(scores, weights, PositivesOf(matches, layer, rules));
    }

    /// <summary>
    /// Only the places that an area depends on: hits, what stands before each, and the end. Between hits recall stays and precision falls,
    /// so every rule for the area gives the bits that it gives for the whole curve.
    /// </summary>
    internal static RankedCurve Outline(CategoryMatches matches, int threshold, int layer, RankingRules rules, int[] order)
    {
        var bits = new WeightBits(matches, threshold, layer, rules);
        var hits = 0;
        foreach (var i in order)
        {
            if (bits.Of(i) > 0) hits++;
        }
        var room = Math.Min(order.Length, (2 * hits) + 1);
        double[] scores = new double[room], weights = new double[room], recall = new double[room], precision = new double[room];
        var positives = PositivesOf(matches, layer, rules);
        var all = matches.Scores;
        double tp = 0, fp = 0, passed = 0;
        int count = 0, before = -1;
        foreach (var i in order)
        {
            var weight = bits.Of(i);
            if (weight < 0 && rules.DropIgnored) continue;
            if (weight > 0)
            {
                if (before >= 0) Put(all[before], passed);
                before = -1;
                tp += weight;
                Put(all[i], weight);
                continue;
            }
            if (weight == 0) fp++;
            (before, passed) = (i, weight);
        }
        if (before >= 0) Put(all[before], passed);
        return new RankedCurve(scores[..count], weights[..count], recall[..count], precision[..count], positives);

        void Put(double score, double weight)
        {
            (scores[count], weights[count]) = (score, weight);
            (recall[count], precision[count]) = (tp / positives, tp / Math.Max(tp + fp, KeypointSimilarity.Epsilon));
            count++;
        }
    }

    private static (double[] Scores, double[] Weights) Weights(CategoryMatches matches, int threshold, int layer, RankingRules rules,
        int[] order)
    {
        var bits = new WeightBits(matches, threshold, layer, rules);
        var all = matches.Scores;
        var scores = new double[order.Length];
        var weights = new double[order.Length];
        var count = 0;
        foreach (var i in order)
        {
            var weight = bits.Of(i);
            if (weight < 0 && rules.DropIgnored) continue;
            scores[count] = all[i];
            weights[count++] = weight;
        }
        return count < order.Length ? (scores[..count], weights[..count]) : (scores, weights);
    }

    private static double PositivesOf(CategoryMatches matches, int layer, RankingRules rules)
        => matches.TotalPositives(layer)
            + (matches.Layers == 2 && layer == 0 && rules.GroupWeight > 0 ? rules.GroupWeight * matches.TotalPositives(1) : 0);

    /// <summary>What a detection counts: 1 for a hit, 0 for a miss, -1 for neither, or the weight of a group that it found.</summary>
    private readonly ref struct WeightBits(CategoryMatches matches, int threshold, int layer, RankingRules rules)
    {
        private readonly int[] _patterns = matches.Bits.Patterns;
        private readonly ReadOnlySpan<ulong> _words = matches.Bits.Known.Words;
        private readonly ulong _bit = 1UL << threshold;
        private readonly int _width = 2 * matches.Layers, _hits = layer, _ignored = matches.Layers + layer;
        private readonly double _group = matches.Layers == 2 ? rules.GroupWeight : 0;

        public double Of(int i)
        {
            var pattern = _words.Slice(_patterns[i] * _width, _width);
            if (_group > 0 && (pattern[1] & _bit) != 0) return _group;
            return (pattern[_ignored] & _bit) != 0 ? -1 : (pattern[_hits] & _bit) != 0 ? 1 : 0;
        }
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
