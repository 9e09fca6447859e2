namespace Cresset.Rl;

/// <summary>Return and length of an episode.</summary>
/// <param name="Return">Sum of rewards.</param>
/// <param name="Length">Number of steps.</param>
public readonly record struct EpisodeRecord(double Return, int Length);

/// <summary>Keeps the return and the length of the last episodes.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class RecordEpisodeStatistics<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly Queue<EpisodeRecord> _recent = new();
    private readonly int _capacity;
    private double _return;
    private int _length;

    /// <summary>Records the episodes of <paramref name="inner"/>, at most <paramref name="capacity"/> of them.</summary>
    public RecordEpisodeStatistics(IEnvironment<TObservation, TAction> inner, int capacity = 100)
        : base(inner)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
    }

    /// <summary>The last episodes, oldest first.</summary>
    public IReadOnlyCollection<EpisodeRecord> Recent => _recent;

    /// <summary>Number of episodes that ended.</summary>
    public long EpisodeCount { get; private set; }

    /// <summary>The episode that ended last, or null.</summary>
    public EpisodeRecord? Last { get; private set; }

    /// <summary>Mean return of the recorded episodes; NaN before the first ends.</summary>
    public double MeanReturn => _recent.Count == 0 ? double.NaN : _recent.Average(e => e.Return);

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        (_return, _length) = (0, 0);
        Inner.Reset(observation, seed);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        _return += outcome.Reward;
        _length++;
        if (outcome.Ended)
        {
            Last = new EpisodeRecord(_return, _length);
            EpisodeCount++;
            _recent.Enqueue(Last.Value);
            if (_recent.Count > _capacity) _recent.Dequeue();
        }
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_return);
        writer.Write(_length);
        writer.Write(EpisodeCount);
        writer.Write(_recent.Count);
        foreach (var episode in _recent)
        {
            writer.Write(episode.Return);
            writer.Write(episode.Length);
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        (_return, _length, EpisodeCount) = (reader.ReadDouble(), reader.ReadInt32(), reader.ReadInt64());
        _recent.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--) _recent.Enqueue(new EpisodeRecord(reader.ReadDouble(), reader.ReadInt32()));
        Last = _recent.Count == 0 ? null : _recent.Last();
    }
}
