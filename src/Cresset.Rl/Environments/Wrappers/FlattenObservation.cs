namespace Cresset.Rl;

/// <summary>
/// Shows whole numbers as one-hot rows, as networks take them: a <see cref="Discrete"/> of n elements becomes n values, a
/// <see cref="MultiDiscrete"/>, <see cref="TupleSpace{T}"/> or <see cref="DictSpace{T}"/> of them one after the other.
/// </summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class FlattenObservation<TAction> : Wrapper<float, TAction, int, TAction>
    where TAction : unmanaged
{
    private readonly (int Start, int Count)[] _ranges;
    private readonly int[] _inner;

    /// <summary>Flattens the observations of <paramref name="inner"/>.</summary>
    /// <exception cref="ArgumentException">A part of the observation space has no countable set of values.</exception>
    public FlattenObservation(IEnvironment<int, TAction> inner)
        : base(inner, new Box(0, 1, RangesOf(inner.ObservationSpace).Sum(r => r.Count)), inner.ActionSpace)
    {
        _ranges = [.. RangesOf(inner.ObservationSpace)];
        _inner = new int[inner.ObservationSpace.Size];
    }

    /// <inheritdoc/>
    public override void Reset(Span<float> observation, ulong? seed = null)
    {
        Inner.Reset(_inner, seed);
        Write(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        var outcome = Inner.Step(action, _inner);
        Write(observation);
        return outcome;
    }

    private void Write(Span<float> observation)
    {
        observation.Clear();
        var offset = 0;
        for (var i = 0; i < _ranges.Length; i++)
        {
            observation[offset + _inner[i] - _ranges[i].Start] = 1;
            offset += _ranges[i].Count;
        }
    }

    private static IEnumerable<(int Start, int Count)> RangesOf(Space<int> space) => space switch
    {
        Discrete discrete => [(discrete.Start, discrete.Count)],
        MultiDiscrete multi => Enumerable.Range(0, multi.Size).Select(i => (multi.Starts[i], multi.Counts[i])),
        TupleSpace<int> tuple => tuple.Parts.SelectMany(RangesOf),
        DictSpace<int> named => named.Names.SelectMany(name => RangesOf(named[name])),
        _ => throw new ArgumentException(
            $"{space} cannot be flattened to one-hot rows; allowed are Discrete, MultiDiscrete and tuples or dictionaries of them.",
            nameof(space)),
    };
}

/// <summary>Keeps only some named parts of an observation.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class FilterObservation<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly DictSpace<TObservation> _all;
    private readonly string[] _kept;
    private readonly TObservation[] _inner;

    /// <summary>Keeps the parts called <paramref name="names"/>, in the order of their names.</summary>
    /// <exception cref="ArgumentException">The observations have no names.</exception>
    /// <exception cref="KeyNotFoundException">There is no part of some name.</exception>
    public FilterObservation(IEnvironment<TObservation, TAction> inner, params IEnumerable<string> names)
        : base(inner,
            new DictSpace<TObservation>(Named(inner, names)
                .ToDictionary(n => n, n => ((DictSpace<TObservation>)inner.ObservationSpace)[n])))
    {
        _all = (DictSpace<TObservation>)inner.ObservationSpace;
        _kept = [.. ((DictSpace<TObservation>)ObservationSpace).Names];
        _inner = new TObservation[inner.ObservationSpace.Size];
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        Inner.Reset(_inner, seed);
        Write(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, _inner);
        Write(observation);
        return outcome;
    }

    private static string[] Named(IEnvironment<TObservation, TAction> inner, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(inner);
        string[] kept = [.. names.Distinct()];
        if (inner.ObservationSpace is not DictSpace<TObservation>)
            throw new ArgumentException($"{inner.Name} observes {inner.ObservationSpace}, whose parts have no names.", nameof(inner));
        return kept.Length > 0 ? kept : throw new ArgumentException("At least one name must be kept.", nameof(names));
    }

    private void Write(Span<TObservation> observation)
    {
        foreach (var name in _kept)
        {
            var part = _all.Part(_inner, name);
            part.CopyTo(observation);
            observation = observation[part.Length..];
        }
    }
}
