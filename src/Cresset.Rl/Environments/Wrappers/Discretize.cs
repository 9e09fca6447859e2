namespace Cresset.Rl;

/// <summary>Cuts a box of observations into equal bins and shows the number of the bin, last dimension fastest.</summary>
public sealed class DiscretizeObservation<TAction> : Wrapper<int, TAction, float, TAction>
    where TAction : unmanaged
{
    private readonly float[] _inner;
    private readonly int[] _bins;
    private readonly float[][] _edges;
    private readonly Box _box;

    /// <summary>Cuts each dimension into the given number of bins (one number for all, or one per dimension).</summary>
    /// <exception cref="ArgumentException">The observation is not a box with finite bounds, or the number of bins does not fit.</exception>
    public DiscretizeObservation(IEnvironment<float, TAction> inner, params int[] bins)
        : base(inner, new Discrete(Bins.Expand(inner.ObservationSpace, bins).Aggregate(1, (a, b) => a * b)), inner.ActionSpace)
    {
        _box = BoxScale.BoxOf(inner.ObservationSpace);
        _bins = Bins.Expand(_box, bins);
        _edges = [.. _bins.Select((count, i) => Bins.Edges(_box, i, count)[1..^1])];
        _inner = new float[_box.Size];
    }

    /// <inheritdoc/>
    public override void Reset(Span<int> observation, ulong? seed = null)
    {
        Inner.Reset(_inner, seed);
        observation[0] = IndexOf(_inner);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<int> observation)
    {
        var outcome = Inner.Step(action, _inner);
        observation[0] = IndexOf(_inner);
        return outcome;
    }

    /// <summary>The bin that a row of values falls into.</summary>
    public int IndexOf(ReadOnlySpan<float> values)
    {
        var index = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var value = Math.Clamp(values[i], _box.Low[i], _box.High[i] - 1e-8f);
            var bin = 0;
            while (bin < _edges[i].Length && _edges[i][bin] <= value) bin++;
            index = (index * _bins[i]) + bin;
        }
        return index;
    }
}

/// <summary>Offers the centres of equal bins of a box of actions as choices, last dimension fastest.</summary>
public sealed class DiscretizeAction<TObservation> : Wrapper<TObservation, int, TObservation, float>
    where TObservation : unmanaged
{
    private readonly int[] _bins;
    private readonly float[][] _centers;
    private readonly float[] _inner;

    /// <summary>Cuts each dimension into the given number of bins (one number for all, or one per dimension).</summary>
    /// <exception cref="ArgumentException">The action is not a box with finite bounds, or the number of bins does not fit.</exception>
    public DiscretizeAction(IEnvironment<TObservation, float> inner, params int[] bins)
        : base(inner, inner.ObservationSpace, new Discrete(Bins.Expand(inner.ActionSpace, bins).Aggregate(1, (a, b) => a * b)))
    {
        var box = BoxScale.BoxOf(inner.ActionSpace);
        _bins = Bins.Expand(box, bins);
        _centers =
            [.. _bins.Select((count, i) => Bins.Edges(box, i, count))
                .Select(e => e[1..].Zip(e, (high, low) => 0.5f * (low + high)).ToArray())];
        _inner = new float[box.Size];
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null) => Inner.Reset(observation, seed);

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<int> action, Span<TObservation> observation)
    {
        if (!ActionSpace.Contains(action))
            throw new ArgumentException($"{Name}: action [{string.Join(", ", action.ToArray())}] lies outside {ActionSpace}.",
                nameof(action));
        var index = action[0];
        for (var i = _bins.Length - 1; i >= 0; i--)
        {
            _inner[i] = _centers[i][index % _bins[i]];
            index /= _bins[i];
        }
        return Inner.Step(_inner, observation);
    }
}

/// <summary>Equal bins of boxes.</summary>
internal static class Bins
{
    public static int[] Expand(Space<float> space, int[] bins)
    {
        var box = BoxScale.BoxOf(space);
        if (!box.IsBounded) throw new ArgumentException($"{box} has infinite bounds and cannot be cut into bins.", nameof(space));
        if (bins.Length != 1 && bins.Length != box.Size)
            throw new ArgumentException(
                $"{bins.Length} numbers of bins were given for {box.Size} dimensions; give one, or one per dimension.", nameof(bins));
        if (bins.Any(b => b < 1)) throw new ArgumentException("Every number of bins must be positive.", nameof(bins));
        return bins.Length == box.Size ? bins : [.. Enumerable.Repeat(bins[0], box.Size)];
    }

    public static float[] Edges(Box box, int dimension, int count)
    {
        // Evenly spaced in float32 from the low bound, the last edge exactly the high bound (as numpy.linspace).
        float low = box.Low[dimension], high = box.High[dimension];
        var step = (high - low) / count;
        return [.. Enumerable.Range(0, count).Select(i => (i * step) + low), high];
    }
}
