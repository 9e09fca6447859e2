namespace Cresset.Rl;

/// <summary>Repeats the previous action with some probability (Machado et al. 2018), so that plans need feedback.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class StickyAction<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly double _probability;
    private readonly (int Min, int Max) _duration;
    private readonly TAction[] _last;
    private readonly bool[] _mask;
    private bool _hasLast;
    private int _repeats;
    private int _taken;

    /// <summary>Repeats actions of <paramref name="inner"/> with <paramref name="probability"/>.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="probability">Chance that a repetition begins.</param>
    /// <param name="minDuration">Fewest steps of a repetition.</param>
    /// <param name="maxDuration">Most steps of a repetition; the number is drawn uniformly.</param>
    /// <exception cref="ArgumentOutOfRangeException">The probability is outside [0, 1) or the durations are not a range of positive
    /// numbers.</exception>
    public StickyAction(IEnvironment<TObservation, TAction> inner, double probability, int minDuration = 1, int maxDuration = 1)
        : base(inner)
    {
        if (probability is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(probability), probability,
                $"The probability is {probability}; allowed is [0, 1).");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(minDuration);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxDuration, minDuration);
        _probability = probability;
        _duration = (minDuration, maxDuration);
        _last = new TAction[inner.ActionSpace.Size];
        _mask = new bool[ActionMasks.SizeOf(inner.ActionSpace)];
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        _hasLast = false;
        (_repeats, _taken) = (0, 0);
        Inner.Reset(observation, seed);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (_repeats > 0 || (_hasLast && Random.NextDouble() < _probability))
        {
            if (_repeats == 0) _repeats = (int)Random.NextInt64(_duration.Min, _duration.Max + 1L);
            if (++_taken == _repeats) (_repeats, _taken) = (0, 0);
            // An action that the state does not allow any more cannot be repeated: the one that was asked for is taken.
            if (!LastIsAllowed()) action.CopyTo(_last);
        }
        else
        {
            action.CopyTo(_last);
        }
        _hasLast = true;
        return Inner.Step(_last, observation);
    }

    private bool LastIsAllowed()
    {
        if (!HasActionMask) return true;
        WriteActionMask(_mask);
        return ActionMasks.Allows<TAction>(ActionSpace, _mask, _last);
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_hasLast);
        writer.Write(_repeats);
        writer.Write(_taken);
        writer.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<TAction>(_last));
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        (_hasLast, _repeats, _taken) = (reader.ReadBoolean(), reader.ReadInt32(), reader.ReadInt32());
        reader.BaseStream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_last.AsSpan()));
    }
}

/// <summary>
/// Takes every action a number of times and adds the rewards; with <c>maxOfLastTwo</c> the observation is the larger of the last two.
/// </summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class RepeatAction<TAction> : Wrapper<float, TAction>
    where TAction : unmanaged
{
    private readonly int _count;
    private readonly float[]? _before;
    private readonly float[]? _after;
    private readonly bool[] _mask;

    /// <summary>Repeats the actions of <paramref name="inner"/>.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="count">How often each action is taken.</param>
    /// <param name="maxOfLastTwo">Value by value the larger of the last two observations (as for flickering screens).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive, or below 2 with the maximum.</exception>
    public RepeatAction(IEnvironment<float, TAction> inner, int count, bool maxOfLastTwo = false)
        : base(inner)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, maxOfLastTwo ? 2 : 1);
        _count = count;
        _mask = new bool[ActionMasks.SizeOf(inner.ActionSpace)];
        _before = maxOfLastTwo ? new float[inner.ObservationSpace.Size] : null;
        _after = maxOfLastTwo ? new float[inner.ObservationSpace.Size] : null;
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        var reward = 0.0;
        StepOutcome outcome = default;
        for (var i = 0; i < _count; i++)
        {
            outcome = Inner.Step(action, observation);
            reward += outcome.Reward;
            if (i == _count - 2) observation.CopyTo(_before);
            if (i == _count - 1) observation.CopyTo(_after);
            if (outcome.Ended || (i < _count - 1 && !IsStillAllowed(action))) break;
        }
        // As in Gymnasium an episode that ends early shows the two frames kept last.
        for (var i = 0; _before is not null && i < observation.Length; i++) observation[i] = Math.Max(_before[i], _after![i]);
        return outcome with { Reward = reward };
    }

    private bool IsStillAllowed(ReadOnlySpan<TAction> action)
    {
        if (!HasActionMask) return true;
        WriteActionMask(_mask);
        return ActionMasks.Allows(ActionSpace, _mask, action);
    }
}
