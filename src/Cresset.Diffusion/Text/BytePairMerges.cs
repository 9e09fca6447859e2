namespace Cresset.Diffusion;

/// <summary>The greedy merging of byte-pair encoding: the pair learnt first is joined first (Sennrich et al. 2016).</summary>
internal sealed class BytePairMerges
{
    private readonly Dictionary<(string Left, string Right), int> _ranks;

    public BytePairMerges(IReadOnlyList<(string Left, string Right)> merges)
    {
        _ranks = new(merges.Count);
        for (var i = 0; i < merges.Count; i++) _ranks.TryAdd(merges[i], i);
    }

    /// <summary>Joins neighbouring symbols until no known pair is left. A queue keeps very long words out of quadratic time.</summary>
    public List<string> Apply(IReadOnlyList<string> symbols)
    {
        var texts = symbols.ToArray();
        var next = new int[texts.Length];
        var previous = new int[texts.Length];
        var queue = new PriorityQueue<(int At, string Left, string Right), (int Rank, int At)>();
        for (var i = 0; i < texts.Length; i++)
        {
            next[i] = i + 1 < texts.Length ? i + 1 : -1;
            previous[i] = i - 1;
        }
        void Offer(int at)
        {
            if (at < 0 || next[at] < 0) return;
            var pair = (texts[at], texts[next[at]]);
            if (_ranks.TryGetValue(pair, out var rank)) queue.Enqueue((at, pair.Item1, pair.Item2), (rank, at));
        }
        for (var i = 0; i < texts.Length - 1; i++) Offer(i);
        while (queue.TryDequeue(out var pair, out _))
        {
            // Entries whose symbols have been joined elsewhere meanwhile are stale.
            var right = next[pair.At];
            if (right < 0 || texts[pair.At] != pair.Left || texts[right] != pair.Right) continue;
            texts[pair.At] = pair.Left + pair.Right;
            texts[right] = "";
            next[pair.At] = next[right];
            if (next[right] >= 0) previous[next[right]] = pair.At;
            next[right] = -1;
            Offer(previous[pair.At]);
            Offer(pair.At);
        }
        return [.. texts.Where(t => t.Length > 0)];
    }
}
