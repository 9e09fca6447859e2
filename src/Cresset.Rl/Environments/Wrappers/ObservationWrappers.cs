namespace Cresset.Rl;

/// <summary>The last observations one after the other, oldest first.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class FrameStack<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly TObservation[] _frames;
    private readonly int _size;
    private readonly bool _padWithZeros;

    /// <summary>Stacks <paramref name="count"/> observations of <paramref name="inner"/>.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="count">Number of observations.</param>
    /// <param name="padWithZeros">Fill the stack with zeros at a reset, instead of the first observation.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public FrameStack(IEnvironment<TObservation, TAction> inner, int count, bool padWithZeros = false)
        : base(inner, new TupleSpace<TObservation>([.. Enumerable.Repeat(inner.ObservationSpace, count)]))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _size = inner.ObservationSpace.Size;
        _frames = new TObservation[count * _size];
        _padWithZeros = padWithZeros;
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        var last = _frames.AsSpan(_frames.Length - _size);
        Inner.Reset(last, seed);
        for (var i = 0; i < _frames.Length - _size; i += _size)
        {
            if (_padWithZeros) _frames.AsSpan(i, _size).Clear();
            else last.CopyTo(_frames.AsSpan(i));
        }
        _frames.CopyTo(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        Array.Copy(_frames, _size, _frames, 0, _frames.Length - _size);
        var outcome = Inner.Step(action, _frames.AsSpan(_frames.Length - _size));
        _frames.CopyTo(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) =>
        writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<TObservation>(_frames));

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) =>
        reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_frames.AsSpan()));
}

/// <summary>Observations that arrive a number of steps late; zeros come until the first one arrives.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class DelayObservation<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly Queue<TObservation[]> _waiting = new();
    private readonly int _delay;

    /// <summary>Delays the observations of <paramref name="inner"/> by <paramref name="delay"/> steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delay"/> is negative.</exception>
    public DelayObservation(IEnvironment<TObservation, TAction> inner, int delay)
        : base(inner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(delay);
        _delay = delay;
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        _waiting.Clear();
        Inner.Reset(observation, seed);
        Exchange(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        Exchange(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_waiting.Count);
        foreach (var frame in _waiting) writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<TObservation>(frame));
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        _waiting.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var frame = new TObservation[ObservationSpace.Size];
            reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(frame.AsSpan()));
            _waiting.Enqueue(frame);
        }
    }

    private void Exchange(Span<TObservation> observation)
    {
        _waiting.Enqueue(observation.ToArray());
        if (_waiting.Count > _delay) _waiting.Dequeue().CopyTo(observation);
        else observation.Clear();
    }
}

/// <summary>Adds the number of steps taken in the episode (or its share of the limit) as a last value of the observation.</summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class TimeAwareObservation<TAction> : Wrapper<float, TAction>
    where TAction : unmanaged
{
    private readonly bool _normalize;
    private readonly int _limit;
    private int _time;

    /// <summary>Adds the time to the observations of <paramref name="inner"/>.</summary>
    public TimeAwareObservation(TimeLimit<float, TAction> inner, bool normalize = false)
        : base(inner, new TupleSpace<float>(inner.ObservationSpace, new Box(0, normalize ? 1 : inner.MaxSteps, 1)))
        => (_normalize, _limit) = (normalize, inner.MaxSteps);

    /// <inheritdoc/>
    public override void Reset(Span<float> observation, ulong? seed = null)
    {
        _time = 0;
        Inner.Reset(observation[..^1], seed);
        WriteTime(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        _time++;
        var outcome = Inner.Step(action, observation[..^1]);
        WriteTime(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) => writer.Write(_time);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => _time = reader.ReadInt32();

    private void WriteTime(Span<float> observation) => observation[^1] = _normalize ? (float)((double)_time / _limit) : _time;
}
