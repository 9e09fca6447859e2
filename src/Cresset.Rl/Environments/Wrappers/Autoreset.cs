namespace Cresset.Rl;

/// <summary>
/// Starts the next episode by itself, as Gymnasium's <c>Autoreset</c> does: the step after an end ignores its action, resets, pays 0 and
/// shows the first observation. <see cref="IsReset"/> marks that step: it is not a transition to learn from.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class Autoreset<TObservation, TAction>(IEnvironment<TObservation, TAction> inner) : Wrapper<TObservation, TAction>(inner)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private bool _hasEnded;

    /// <summary>Whether the last step only reset.</summary>
    public bool IsReset { get; private set; }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        (_hasEnded, IsReset) = (false, false);
        Inner.Reset(observation, seed);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        IsReset = _hasEnded;
        if (_hasEnded)
        {
            Inner.Reset(observation);
            _hasEnded = false;
            return new StepOutcome(0, false);
        }
        var outcome = Inner.Step(action, observation);
        _hasEnded = outcome.Ended;
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_hasEnded);
        writer.Write(IsReset);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => (_hasEnded, IsReset) = (reader.ReadBoolean(), reader.ReadBoolean());
}
