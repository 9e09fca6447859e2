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
        ReadOnlySpan<ulong> hits = matches.Hits, ignored = matches.Ignored;
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
            var skip = ignored[(i * _layers) + layer];
            if (skip == all) continue;
            counted++;
            for (var bits = skip; bits != 0; bits &= bits - 1) _skipped[BitOperations.TrailingZeroCount(bits)]++;
            for (var bits = hits[(i * _layers) + layer] & ~skip; bits != 0; bits &= bits - 1)
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
        tables.SetRecall(t, k, layer, m, first.Any ? (double)count / positives : 0);
        var precision = _precision.AsSpan(t * positives, count);
        var scores = _scores.AsSpan(t * positives, count);
        for (var i = count - 1; i > 0; i--)
        {
            if (precision[i] > precision[i - 1]) precision[i - 1] = precision[i];
        }
        tables.Clear(t, k, layer, m);
        for (var r = 0; r < _recalls.Length && first.Any; r++)
        {
            var wanted = _recalls[r];
            if (wanted <= 0)
            {
                tables.Set(t, r, k, layer, m, count > 0 ? precision[0] : 0, first.Score);
                continue;
            }
            var j = Math.Max(0, (int)(wanted * positives) - 2);
            while (j < count && (double)(j + 1) / positives < wanted) j++;
            if (j >= count) break;
            tables.Set(t, r, k, layer, m, precision[j], scores[j]);
        }
    }
}

/// <summary>The arrays of an evaluation: precision and scores [T, R, K, A, M], recall [T, K, A, M], -1 where nothing is defined.</summary>
internal sealed class CocoTables
{
    private readonly int _r, _k, _a, _m;

    public CocoTables(int thresholds, int recalls, int categories, int areas, int maxDetections)
    {
        Shape = [thresholds, recalls, categories, areas, maxDetections];
        (_r, _k, _a, _m) = (recalls, categories, areas, maxDetections);
        Precision = new double[(long)thresholds * recalls * categories * areas * maxDetections];
        Scores = new double[Precision.LongLength];
        Recall = new double[thresholds * categories * areas * maxDetections];
        Array.Fill(Precision, -1);
        Array.Fill(Scores, -1);
        Array.Fill(Recall, -1);
    }

    public int[] Shape { get; }

    public double[] Precision { get; }

    public double[] Scores { get; }

    public double[] Recall { get; }

    public int Index(int t, int r, int k, int a, int m) => (((((((t * _r) + r) * _k) + k) * _a) + a) * _m) + m;

    public int RecallIndex(int t, int k, int a, int m) => (((((t * _k) + k) * _a) + a) * _m) + m;

    public void SetRecall(int t, int k, int a, int m, double value) => Recall[RecallIndex(t, k, a, m)] = value;

    public void Set(int t, int r, int k, int a, int m, double precision, double score)
    {
        var i = Index(t, r, k, a, m);
        Precision[i] = precision;
        Scores[i] = score;
    }

    public void Clear(int t, int k, int a, int m)
    {
        for (var r = 0; r < _r; r++) Set(t, r, k, a, m, 0, 0);
    }
}
