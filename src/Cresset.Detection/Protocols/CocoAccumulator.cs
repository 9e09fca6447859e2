using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Turns the matches of one category into interpolated precision, final recall and scores.</summary>
internal sealed class CocoAccumulator(CocoOptions options, int[] maxDetections)
{
    private readonly double[] _recalls = [.. options.RecallThresholds];
    private readonly int _thresholds = options.IouThresholds.Count;
    private readonly int _layers = options.AreaRanges.Count;
    private readonly double _epsilon = options.Corrected ? 0 : KeypointSimilarity.Epsilon;
    private readonly int[] _hits = new int[64], _skipped = new int[64];
    private double[] _precision = [], _scores = [];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Accumulate(CategoryMatches matches, int k, CocoTables tables)
    {
        if (matches.Segments == 0) return;
        matches = matches.InImageOrder();
        var scores = matches.Scores;
        var keys = new ulong[scores.Length];
        for (var i = 0; i < keys.Length; i++) keys[i] = ScoreOrder.Key(scores[i]);
        var order = ScoreOrder.Sort(keys);
        var rank = new int[scores.Length];
        for (var s = 0; s < matches.Segments; s++)
        {
            for (int i = matches.Start(s), r = 0; i < matches.End(s); i++, r++) rank[i] = r;
        }
        for (var layer = 0; layer < _layers; layer++)
        {
            var positives = matches.TotalPositives(layer);
            if (positives == 0) continue;
            for (var m = 0; m < maxDetections.Length; m++)
            {
                var first = Walk(matches, order, rank, layer, maxDetections[m], (int)positives);
                for (var t = 0; t < _thresholds; t++) Interpolate(tables, t, k, layer, m, (int)positives, first);
            }
        }
    }

    /// <summary>One pass down the ranking for all thresholds; gives the score on top, or NaN without detections.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (bool Any, double Score) Walk(CategoryMatches matches, int[] order, int[] rank, int layer, int maxDetections, int positives)
    {
        if (_precision.Length < _thresholds * positives)
        {
            _precision = new double[_thresholds * positives];
            _scores = new double[_thresholds * positives];
        }
        Array.Clear(_hits);
        Array.Clear(_skipped);
        var all = _thresholds == 64 ? ulong.MaxValue : (1UL << _thresholds) - 1;
        var (patterns, known) = matches.Bits;
        var words = known.Words;
        int width = 2 * _layers, skips = _layers + layer;
        var scores = matches.Scores;
        var counted = 0;
        var any = false;
        double top = 0;
        foreach (var i in order)
        {
            if (rank[i] >= maxDetections) continue;
            if (!any)
            {
                any = true;
                top = scores[i];
            }
            var pattern = patterns[i] * width;
            var skip = words[pattern + skips];
            if (skip == all) continue;
            counted++;
            for (var bits = skip; bits != 0; bits &= bits - 1) _skipped[BitOperations.TrailingZeroCount(bits)]++;
            for (var bits = words[pattern + layer] & ~skip; bits != 0; bits &= bits - 1)
            {
                var t = BitOperations.TrailingZeroCount(bits);
                var tp = ++_hits[t];
                double seen = counted - _skipped[t];
                // The precision only falls between hits, so its values at hits are all that the envelope needs.
                var slot = (t * positives) + tp - 1;
                _precision[slot] = tp / (seen + _epsilon);
                _scores[slot] = scores[i];
            }
        }
        return (any, top);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Interpolate(CocoTables tables, int t, int k, int layer, int m, int positives, (bool Any, double Score) first)
    {
        var count = _hits[t];
        var cell = tables.Cell(k, layer, m, t);
        tables.Recall[cell] = first.Any ? (double)count / positives : 0;
        var precision = _precision.AsSpan(t * positives, count);
        var scores = _scores.AsSpan(t * positives, count);
        for (var i = count - 1; i > 0; i--)
        {
            if (precision[i] > precision[i - 1]) precision[i - 1] = precision[i];
        }
        var toPrecision = tables.Precision.AsSpan(cell * _recalls.Length, _recalls.Length);
        var toScores = tables.Scores.AsSpan(cell * _recalls.Length, _recalls.Length);
        toPrecision.Clear();
        toScores.Clear();
        for (var r = 0; r < _recalls.Length && first.Any; r++)
        {
            var wanted = _recalls[r];
            if (wanted <= 0)
            {
                toPrecision[r] = count > 0 ? precision[0] : 0;
                toScores[r] = first.Score;
                continue;
            }
            var j = Math.Max(0, (int)(wanted * positives) - 2);
            while (j < count && (double)(j + 1) / positives < wanted) j++;
            if (j >= count) break;
            toPrecision[r] = precision[j];
            toScores[r] = scores[j];
        }
    }
}
