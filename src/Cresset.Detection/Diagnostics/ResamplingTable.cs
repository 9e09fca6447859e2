using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// The rankings of one or two results, so arranged that the statistics for any weights of the images come from one pass.
/// An image of weight w acts as w copies of it; with two results an image has a slot for each.
/// </summary>
internal sealed class ResamplingTable : IResamplingTable
{
    private readonly CocoResult _first;
    private readonly Ranking[] _rankings;
    private readonly int _models, _layers, _thresholds;

    public ResamplingTable(params CocoResult[] results)
    {
        _first = results[0];
        _models = results.Length;
        _layers = _first.Options.AreaRanges.Count;
        _thresholds = _first.Options.IouThresholds.Count;
        ImageIds = [.. results.SelectMany(r => r.Matches).SelectMany(m => Enumerable.Range(0, m.Segments).Select(m.ImageId)).Distinct()
            .Order()];
        var place = ImageIds.Select((id, i) => (id, i)).ToDictionary(x => x.id, x => x.i);
        _rankings = new Ranking[_first.CategoryIds.Count];
        Parallel.For(0, _rankings.Length, k
            => _rankings[k] = new Ranking(Array.ConvertAll(results, r => r.Matches[k]), place, _layers, _models, AllBits));
    }

    public long[] ImageIds { get; }

    private ulong AllBits => _thresholds == 64 ? ulong.MaxValue : (1UL << _thresholds) - 1;

    public int ImageCount => ImageIds.Length;

    public int SlotCount => Slots;

    public int Slots => ImageIds.Length * _models;

    /// <summary>The statistics of the result for the weights; in the order of <see cref="CocoResult.Stats"/>.</summary>
    public double[] Statistics(ReadOnlySpan<int> slotWeights, ReadOnlySpan<int> imageWeights)
    {
        int k = _rankings.Length, max = _first.MaxDetections.Count;
        var ap = new double[k, _layers, _thresholds];
        var ar = new double[k, _layers, max, _thresholds];
        var scratch = new Scratch(_thresholds);
        for (var c = 0; c < k; c++)
        {
            for (var layer = 0; layer < _layers; layer++)
            {
                var positives = _rankings[c].Positives(layer, imageWeights);
                Walk(_rankings[c], layer, positives, slotWeights, scratch);
                for (var t = 0; t < _thresholds; t++)
                {
                    ap[c, layer, t] = positives == 0 ? -1 : Interpolate(scratch, t, positives);
                    ar[c, layer, max - 1, t] = positives == 0 ? -1 : (double)scratch.Total(t) / positives;
                }
                // The statistics ask for smaller numbers of detections only over all areas.
                for (var m = 0; m < max - 1 && _first.Options.AreaRanges[layer].Name == "all"; m++)
                {
                    LimitedHits(_rankings[c], layer, _first.MaxDetections[m], slotWeights, scratch);
                    for (var t = 0; t < _thresholds; t++) ar[c, layer, m, t] = positives == 0 ? -1 : (double)scratch.Limited[t] / positives;
                }
            }
        }
        return Summarize(ap, ar);
    }

    /// <summary>Every image once must give the statistics themselves; else an interval would speak of other rules than the value.</summary>
    public void RequireAgreement(CocoResult result)
    {
        var ones = new int[ImageIds.Length];
        Array.Fill(ones, 1);
        var own = Statistics(ones, ones);
        // torchmetrics hands its statistics out in float32.
        var tolerance = result.Variant == CocoVariant.TorchMetrics ? 1e-6 : 1e-9;
        for (var s = 0; s < own.Length; s++)
        {
            if (Math.Abs(own[s] - result.Stats[s]) <= tolerance) continue;
            throw new ArgumentException($"{result.StatNames[s]} cannot be resampled with the detection limits "
                + $"{string.Join(", ", result.MaxDetections)}; take the limits of the protocol.", nameof(result));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk(Ranking ranking, int layer, long positives, ReadOnlySpan<int> weights, Scratch scratch)
    {
        scratch.Reset();
        if (positives == 0) return;
        long counted = 0;
        var entries = ranking.Entries[layer];
        foreach (ref readonly var e in entries.AsSpan())
        {
            var w = weights[e.Slot];
            if (w == 0) continue;
            counted += w;
            for (var bits = e.Ignored; bits != 0; bits &= bits - 1) scratch.Skipped[BitOperations.TrailingZeroCount(bits)] += w;
            for (var bits = e.Hits; bits != 0; bits &= bits - 1)
            {
                var t = BitOperations.TrailingZeroCount(bits);
                scratch.Hit(t, w, counted - scratch.Skipped[t]);
            }
        }
    }

    private double Interpolate(Scratch scratch, int t, long positives)
    {
        var (hits, precision, count) = scratch.Curve(t);
        for (var i = count - 1; i > 0; i--)
        {
            if (precision[i] > precision[i - 1]) precision[i - 1] = precision[i];
        }
        double sum = 0;
        var j = 0;
        foreach (var wanted in _first.Options.RecallThresholds)
        {
            while (j < count && (double)hits[j] / positives < wanted) j++;
            if (j == count) break;
            sum += precision[j];
        }
        return sum / _first.Options.RecallThresholds.Count;
    }

    private static void LimitedHits(Ranking ranking, int layer, int limit, ReadOnlySpan<int> weights, Scratch scratch)
    {
        Array.Clear(scratch.Limited);
        foreach (ref readonly var e in ranking.HitEntries[layer].AsSpan())
        {
            if (e.Rank >= limit) continue;
            for (var bits = e.Hits; bits != 0; bits &= bits - 1) scratch.Limited[BitOperations.TrailingZeroCount(bits)] += weights[e.Slot];
        }
    }

    private double[] Summarize(double[,,] ap, double[,,,] ar)
        => [.. CocoSummary.DefinitionsOf(_first.Options, _first.Variant, _first.MaxDetections).Select(s => Mean(s, ap, ar))];

    private double Mean(in CocoStatistic s, double[,,] ap, double[,,,] ar)
    {
        if (!CocoSummary.TryFind(_first.Options, _first.Variant, s, out var threshold, out var layer)) return -1;
        double sum = 0;
        var count = 0;
        for (var c = 0; c < _rankings.Length; c++)
        {
            if (s.Frequency is { } frequency && _first.Frequencies[c] != frequency) continue;
            for (var t = threshold ?? 0; t < (threshold + 1 ?? _thresholds); t++)
            {
                var v = s.IsPrecision ? ap[c, layer, t] : ar[c, layer, s.Limit, t];
                if (v < 0) continue;
                sum += v;
                count++;
            }
        }
        return count == 0 ? -1 : sum / count;
    }

    private readonly record struct Entry(int Slot, int Rank, ulong Hits, ulong Ignored);

    /// <summary>One category: entries by falling score for each layer, without those that never count.</summary>
    private sealed class Ranking
    {
        private readonly (int Image, int[] Positives)[] _images;

        public Ranking(CategoryMatches[] models, Dictionary<long, int> place, int layers, int modelCount, ulong allBits)
        {
            var slots = new List<(int Model, int Index, int Slot, int Rank)>();
            var byImage = models.SelectMany((m, model)
                => Enumerable.Range(0, m.Segments).Select(s => (Image: place[m.ImageId(s)], Model: model, Segment: s)))
                .OrderBy(x => x.Image).ThenBy(x => x.Model).ToArray();
            foreach (var (image, model, segment) in byImage)
            {
                var m = models[model];
                for (var i = m.Start(segment); i < m.End(segment); i++) slots.Add(
                    (model, i, (image * modelCount) + model, i - m.Start(segment)));
            }
            var keys = new ulong[slots.Count];
            for (var i = 0; i < keys.Length; i++) keys[i] = ScoreOrder.Key(models[slots[i].Model].Scores[slots[i].Index]);
            var order = ScoreOrder.Sort(keys);
            Entries = new Entry[layers][];
            HitEntries = new Entry[layers][];
            for (var layer = 0; layer < layers; layer++)
            {
                var list = new List<Entry>();
                foreach (var o in order)
                {
                    var (model, index, slot, rank) = slots[o];
                    var ignored = models[model].Ignored(index, layer);
                    var hits = models[model].Hits(index, layer) & ~ignored;
                    if (ignored != allBits) list.Add(new Entry(slot, rank, hits, ignored));
                }
                Entries[layer] = [.. list];
                HitEntries[layer] = [.. list.Where(e => e.Hits != 0)];
            }
            // Objects are the same for all models; the first one that has the image gives their number.
            _images = [.. byImage.GroupBy(x => x.Image)
                .Select(g => (g.Key,
                Enumerable.Range(0, layers).Select(l => models[g.First().Model].Positives(g.First().Segment, l)).ToArray()))];
        }

        public Entry[][] Entries { get; }

        public Entry[][] HitEntries { get; }

        public long Positives(int layer, ReadOnlySpan<int> imageWeights)
        {
            long sum = 0;
            foreach (var (image, positives) in _images) sum += (long)imageWeights[image] * positives[layer];
            return sum;
        }
    }

    private sealed class Scratch(int thresholds)
    {
        private readonly long[][] _hits = new long[thresholds][];
        private readonly double[][] _precision = new double[thresholds][];
        private readonly int[] _count = new int[thresholds];
        private readonly long[] _total = new long[thresholds];

        public long[] Skipped { get; } = new long[thresholds];

        public long[] Limited { get; } = new long[thresholds];

        public void Reset()
        {
            Array.Clear(_count);
            Array.Clear(_total);
            Array.Clear(Skipped);
        }

        public void Hit(int t, int weight, long seen)
        {
            if (_hits[t] is null || _count[t] == _hits[t].Length)
            {
                Array.Resize(ref _hits[t], Math.Max(64, _count[t] * 2));
                Array.Resize(ref _precision[t], Math.Max(64, _count[t] * 2));
            }
            _total[t] += weight;
            _hits[t][_count[t]] = _total[t];
            _precision[t][_count[t]++] = (double)_total[t] / seen;
        }

        public long Total(int t) => _total[t];

        public (long[] Hits, double[] Precision, int Count) Curve(int t) => (_hits[t] ?? [], _precision[t] ?? [], _count[t]);
    }
}
