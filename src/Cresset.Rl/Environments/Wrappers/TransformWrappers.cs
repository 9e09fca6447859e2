namespace Cresset.Rl;

/// <summary>Writes the changed observation of an inner one.</summary>
/// <typeparam name="TInner">Element of an observation inside.</typeparam>
/// <typeparam name="TOuter">Element of an observation outside.</typeparam>
/// <param name="inner">The observation.</param>
/// <param name="outer">Receives what is shown.</param>
public delegate void ObservationTransform<TInner, TOuter>(ReadOnlySpan<TInner> inner, Span<TOuter> outer);

/// <summary>Applies a function to every observation.</summary>
/// <typeparam name="TObservation">Element of an observation outside.</typeparam>
/// <typeparam name="TInner">Element of an observation inside.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class TransformObservation<TObservation, TInner, TAction> : Wrapper<TObservation, TAction, TInner, TAction>
    where TObservation : unmanaged
    where TInner : unmanaged
    where TAction : unmanaged
{
    private readonly ObservationTransform<TInner, TObservation> _transform;
    private readonly TInner[] _inner;

    /// <summary>Transforms the observations of <paramref name="inner"/>.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="space">The space of what the function writes.</param>
    /// <param name="transform">The function.</param>
    public TransformObservation(IEnvironment<TInner, TAction> inner, Space<TObservation> space,
        ObservationTransform<TInner, TObservation> transform)
        : base(inner, space, inner.ActionSpace)
    {
        ArgumentNullException.ThrowIfNull(transform);
        _transform = transform;
        _inner = new TInner[inner.ObservationSpace.Size];
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        Inner.Reset(_inner, seed);
        _transform(_inner, observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, _inner);
        _transform(_inner, observation);
        return outcome;
    }
}

/// <summary>Applies a function to every action before it is taken.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action outside.</typeparam>
/// <typeparam name="TInner">Element of an action inside.</typeparam>
public sealed class TransformAction<TObservation, TAction, TInner> : Wrapper<TObservation, TAction, TObservation, TInner>
    where TObservation : unmanaged
    where TAction : unmanaged
    where TInner : unmanaged
{
    private readonly ObservationTransform<TAction, TInner> _transform;
    private readonly TInner[] _inner;
    private readonly bool[] _innerMask;

    /// <summary>Transforms the actions for <paramref name="inner"/>.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="space">The space of the actions taken outside.</param>
    /// <param name="transform">Writes the inner action of an outer one.</param>
    public TransformAction(IEnvironment<TObservation, TInner> inner, Space<TAction> space, ObservationTransform<TAction, TInner> transform)
        : base(inner, inner.ObservationSpace, space)
    {
        ArgumentNullException.ThrowIfNull(transform);
        _transform = transform;
        _inner = new TInner[inner.ActionSpace.Size];
        _innerMask = new bool[ActionMasks.SizeOf(inner.ActionSpace)];
    }

    /// <summary>Whether the environment inside has a mask and the actions outside are single choices.</summary>
    public override bool HasActionMask => ActionSpace is Discrete && ActionMasks.Of(Inner) is not null;

    /// <summary>Every action outside is allowed whose inner action is.</summary>
    public override void WriteActionMask(Span<bool> mask)
    {
        mask.Fill(true);
        if (!HasActionMask || ActionSpace is not Discrete choices) return;
        ((IActionMask)Inner).WriteActionMask(_innerMask);
        for (var i = 0; i < mask.Length; i++)
        {
            _transform([(TAction)(object)(choices.Start + i)], _inner);
            mask[i] = ActionMasks.Allows<TInner>(Inner.ActionSpace, _innerMask, _inner);
        }
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null) => Inner.Reset(observation, seed);

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        _transform(action, _inner);
        return Inner.Step(_inner, observation);
    }
}

/// <summary>Clips every reward to a range (one end may be open).</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class ClipReward<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly double _min;
    private readonly double _max;

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => ReturnRange.Unbounded;

    /// <summary>Clips the rewards of <paramref name="inner"/>.</summary>
    /// <exception cref="ArgumentException">Neither end is given, or they are in the wrong order.</exception>
    public ClipReward(IEnvironment<TObservation, TAction> inner, double? min = null, double? max = null)
        : base(inner)
    {
        if (min is null && max is null)
            throw new ArgumentException("Neither the smallest nor the largest reward is given; at least one is needed.", nameof(min));
        (_min, _max) = (min ?? double.NegativeInfinity, max ?? double.PositiveInfinity);
        if (!(_min <= _max)) throw new ArgumentException($"The smallest reward {_min} lies above the largest {_max}.", nameof(min));
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        return outcome with { Reward = Math.Clamp(outcome.Reward, _min, _max) };
    }
}
