namespace Cresset.Rl.Deep;

/// <summary>An episode that came to an end while learning.</summary>
/// <param name="Step">Environment steps over all copies when it ended.</param>
/// <param name="Return">Sum of its rewards.</param>
/// <param name="Length">Its steps.</param>
public readonly record struct FinishedEpisode(long Step, double Return, int Length);

/// <summary>Adds up rewards of several copies and keeps the mean of the last hundred returns.</summary>
public sealed class EpisodeTracker
{
    /// <summary>Episodes that <see cref="MeanReturn"/> looks back on.</summary>
    public const int Window = 100;

    /// <summary>
    /// Most episodes that wait for <see cref="Drain"/>; older ones are dropped (they count in <see cref="Count"/> and the means all the
    /// same).
    /// </summary>
    public const int Kept = 100_000;

    private readonly double[] _returns;
    private readonly int[] _lengths;
    private readonly Queue<double> _recent = new();
    private readonly Queue<int> _recentLengths = new();
    private readonly Queue<FinishedEpisode> _finished = new();

    /// <summary>A tracker for <paramref name="copies"/> copies.</summary>
    public EpisodeTracker(int copies)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(copies);
        (_returns, _lengths) = (new double[copies], new int[copies]);
    }

    /// <summary>Episodes finished so far.</summary>
    public long Count { get; private set; }

    /// <summary>Mean length of the last hundred episodes; NaN before the first.</summary>
    public double MeanLength { get; private set; } = double.NaN;

    /// <summary>Mean return of the last hundred episodes (or of all, while there are fewer); NaN before the first.</summary>
    public double MeanReturn { get; private set; } = double.NaN;

    /// <summary>The largest <see cref="MeanReturn"/> over a full window; NaN before there is one.</summary>
    public double BestMeanReturn { get; private set; } = double.NaN;

    /// <summary>Adds one copy's step.</summary>
    public void Add(int copy, long step, double reward, bool ended)
    {
        _returns[copy] += reward;
        _lengths[copy]++;
        if (!ended) return;
        // Nobody may be asking for them: a long training must not fill the memory with episodes.
        if (_finished.Count == Kept) _finished.Dequeue();
        _finished.Enqueue(new FinishedEpisode(step, _returns[copy], _lengths[copy]));
        _recent.Enqueue(_returns[copy]);
        if (_recent.Count > Window) _recent.Dequeue();
        _recentLengths.Enqueue(_lengths[copy]);
        if (_recentLengths.Count > Window) _recentLengths.Dequeue();
        MeanLength = _recentLengths.Average();
        Count++;
        // Summed anew: a running difference would drift over millions of episodes.
        MeanReturn = _recent.Sum() / _recent.Count;
        if (_recent.Count == Window && !(BestMeanReturn >= MeanReturn)) BestMeanReturn = MeanReturn;
        (_returns[copy], _lengths[copy]) = (0, 0);
    }

    /// <summary>The episode of a copy is lost: what it had gathered does not count.</summary>
    public void Forget(int copy) => (_returns[copy], _lengths[copy]) = (0, 0);

    /// <summary>Hands out the episodes that ended since the last call, the last <see cref="Kept"/> of them.</summary>
    public IReadOnlyList<FinishedEpisode> Drain()
    {
        if (_finished.Count == 0) return [];
        FinishedEpisode[] drained = [.. _finished];
        _finished.Clear();
        return drained;
    }

    /// <summary>Writes the sums and the window.</summary>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var value in _returns) writer.Write(value);
        foreach (var value in _lengths) writer.Write(value);
        writer.Write(Count);
        writer.Write(BestMeanReturn);
        writer.Write(_recent.Count);
        foreach (var value in _recent) writer.Write(value);
        foreach (var value in _recentLengths) writer.Write(value);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        for (var i = 0; i < _returns.Length; i++) _returns[i] = reader.ReadDouble();
        for (var i = 0; i < _lengths.Length; i++) _lengths[i] = reader.ReadInt32();
        Count = reader.ReadInt64();
        BestMeanReturn = reader.ReadDouble();
        _recent.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--) _recent.Enqueue(reader.ReadDouble());
        MeanReturn = _recent.Count == 0 ? double.NaN : _recent.Sum() / _recent.Count;
        _recentLengths.Clear();
        // States of earlier versions end here.
        while (_recentLengths.Count < _recent.Count && reader.BaseStream.Position < reader.BaseStream.Length)
            _recentLengths.Enqueue(reader.ReadInt32());
        MeanLength = _recentLengths.Count == 0 ? double.NaN : _recentLengths.Average();
        _finished.Clear();
    }
}
