namespace Cresset.Detection;

/// <summary>The statistics of one or two results for any weights of their images.</summary>
internal interface IResamplingTable
{
    /// <summary>Number of images.</summary>
    int ImageCount { get; }

    /// <summary>Images times models; a slot holds the detections of one model in one image.</summary>
    int SlotCount { get; }

    /// <summary>The statistics when an image of weight w stands for w copies of it.</summary>
    double[] Statistics(ReadOnlySpan<int> slotWeights, ReadOnlySpan<int> imageWeights);
}

/// <summary>What a ranked protocol left of a result, enough to compute it anew for other weights.</summary>
internal sealed record RankedState(ProtocolOptions Options, double[] Thresholds, RankingRules Rules, CategoryMatches[] Matches,
    Func<RankedCurve, double> Ap);

/// <summary>Rankings of VOC, Padilla, Open Images and ultralytics, rebuilt with copies of their entries.</summary>
internal sealed class RankedResampling : IResamplingTable
{
    private readonly RankedState _first;
    private readonly Ranking[] _rankings;

    public RankedResampling(params RankedState[] models)
    {
        _first = models[0];
        long[] ids = [.. models.SelectMany(m => m.Matches).SelectMany(m => Enumerable.Range(0, m.Segments).Select(m.ImageId)).Distinct()
            .Order()];
        var place = ids.Select((id, i) => (id, i)).ToDictionary(x => x.id, x => x.i);
        (ImageCount, SlotCount) = (ids.Length, ids.Length * models.Length);
        _rankings = [.. Enumerable.Range(0, _first.Matches.Length)
            .Select(k => new Ranking(Array.ConvertAll(models, m => m.Matches[k]), place, _first.Rules))];
    }

    public int ImageCount { get; }

    public int SlotCount { get; }

    public double[] Statistics(ReadOnlySpan<int> slotWeights, ReadOnlySpan<int> imageWeights)
    {
        var curves = new RankedCurve[_rankings.Length][];
        for (var k = 0; k < curves.Length; k++)
        {
            curves[k] = new RankedCurve[_first.Thresholds.Length];
            for (var t = 0; t < curves[k].Length; t++) curves[k][t] = _rankings[k].Curve(t, slotWeights, imageWeights, _first.Rules);
        }
        return [.. RankedSummary.Make(_first.Options, _first.Thresholds, curves, _first.Ap).Statistics.Select(s => s.Value)];
    }

    private sealed class Ranking
    {
        private readonly (int Slot, double Score, ulong Hits, ulong Ignored, ulong Groups)[] _entries;
        private readonly (int Image, int Objects, int Groups)[] _images;

        public Ranking(CategoryMatches[] models, Dictionary<long, int> place, RankingRules rules)
        {
            var entries = new List<(int Slot, double Score, ulong Hits, ulong Ignored, ulong Groups)>();
            var ties = new List<(long Sequence, long Image)>();
            var images = new Dictionary<int, (int, int)>();
            for (var m = 0; m < models.Length; m++)
            {
                var (matches, layers) = (models[m], models[m].Layers);
                for (var s = 0; s < matches.Segments; s++)
                {
                    var image = place[matches.ImageId(s)];
                    // Objects are the same for all models; the first one that has the image gives their number.
                    images.TryAdd(image, (matches.Positives(s, 0), layers == 2 ? matches.Positives(s, 1) : 0));
                    for (var i = matches.Start(s); i < matches.End(s); i++)
                    {
                        entries.Add(((image * models.Length) + m, matches.Scores[i], matches.Hits(i, 0),
                            matches.Ignored(i, 0), layers == 2 ? matches.Hits(i, 1) : 0));
                        ties.Add((matches.Sequence(i), matches.ImageId(s)));
                    }
                }
            }
            var order = Enumerable.Range(0, entries.Count).OrderBy(i => ScoreOrder.Key(entries[i].Score));
            order = rules.TiesByFileOrder ? order.ThenBy(i => (ulong)ties[i].Sequence) : rules.TiesReversedBetweenImages
                ? order.ThenByDescending(i => ties[i].Image) : order;
            _entries = [.. order.ThenBy(i => i).Select(i => entries[i])];
            _images = [.. images.Select(i => (i.Key, i.Value.Item1, i.Value.Item2))];
        }

        public RankedCurve Curve(int threshold, ReadOnlySpan<int> slotWeights, ReadOnlySpan<int> imageWeights, RankingRules rules)
        {
            var bit = 1UL << threshold;
            var scores = new List<double>(_entries.Length);
            var weights = new List<double>(_entries.Length);
            foreach (ref readonly var e in _entries.AsSpan())
            {
                var weight = rules.GroupWeight > 0 && (e.Groups & bit) != 0 ? rules.GroupWeight : (e.Ignored & bit) != 0 ? -1
                    : (e.Hits & bit) != 0 ? 1 : 0;
                if (weight < 0 && rules.DropIgnored) continue;
                for (var w = slotWeights[e.Slot]; w > 0; w--)
                {
                    scores.Add(e.Score);
                    weights.Add(weight);
                }
            }
            double positives = 0;
            foreach (var (image, objects, groups) in _images) positives += imageWeights[image] * (objects + (rules.GroupWeight * groups));
            return new RankedCurve([.. scores], [.. weights], positives);
        }
    }
}

/// <summary>The breakdown of tide over copies of the images' records.</summary>
internal sealed class TideResampling : IResamplingTable
{
    private readonly List<TideRecord>[] _slots;

    public TideResampling(params IReadOnlyList<(long Image, List<TideRecord> Records)>[] models)
    {
        ImageCount = models[0].Count;
        SlotCount = ImageCount * models.Length;
        _slots = new List<TideRecord>[SlotCount];
        for (var m = 0; m < models.Length; m++)
        {
            for (var i = 0; i < ImageCount; i++)
            {
                if (models[m].Count != ImageCount
                    || models[m][i].Image != models[0][i].Image) throw new ArgumentException(
                    "the two results were evaluated on different images; evaluate both alike.");
                _slots[(i * models.Length) + m] = models[m][i].Records;
            }
        }
    }

    public int ImageCount { get; }

    public int SlotCount { get; }

    public double[] Statistics(ReadOnlySpan<int> slotWeights, ReadOnlySpan<int> imageWeights)
    {
        var records = new List<TideRecord>();
        for (var s = 0; s < slotWeights.Length; s++)
        {
            for (var w = slotWeights[s]; w > 0; w--) records.AddRange(_slots[s]);
        }
        return [.. TideBackend.StatisticsOf(new TideRepair([.. records]).Result()).Select(s => s.Value)];
    }
}
