namespace Cresset.Rl;

/// <summary>An environment broke its contract; the message says how.</summary>
public sealed class EnvironmentContractException(string message) : Exception(message);

/// <summary>
/// Watches an environment (of one's own) while it is used: observations must lie in their space, rewards must be finite, and no step may
/// come after an end. <see cref="EnvironmentChecks.Check"/> tests one as a whole.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class EnvironmentChecker<TObservation, TAction>(IEnvironment<TObservation, TAction> inner)
    : Wrapper<TObservation, TAction>(inner)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly bool[] _mask = new bool[ActionMasks.SizeOf(inner.ActionSpace)];
    private bool _isRunning;
    private long _step;

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        Inner.Reset(observation, seed);
        (_isRunning, _step) = (true, 0);
        CheckObservation(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (!_isRunning)
            throw new InvalidOperationException(
                $"{Name}: no episode is running. It has ended or was never started: call Reset before Step.");
        if (!ActionSpace.Contains(action))
            throw new ArgumentException($"{Name}: action [{string.Join(", ", action.ToArray())}] lies outside {ActionSpace}.",
                nameof(action));
        if (HasActionMask)
        {
            WriteActionMask(_mask);
            if (!ActionMasks.Allows(ActionSpace, _mask, action))
                throw new ArgumentException(ActionMasks.Refusal(this, ActionSpace, action), nameof(action));
        }
        var outcome = Inner.Step(action, observation);
        _step++;
        _isRunning = !outcome.Ended;
        if (!double.IsFinite(outcome.Reward))
            throw new EnvironmentContractException($"{Name}: the reward of step {_step} is {outcome.Reward}; rewards must be finite.");
        CheckObservation(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_isRunning);
        writer.Write(_step);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => (_isRunning, _step) = (reader.ReadBoolean(), reader.ReadInt64());

    private void CheckObservation(ReadOnlySpan<TObservation> observation)
    {
        if (!ObservationSpace.Contains(observation))
            throw new EnvironmentContractException(
                $"{Name}: the observation after step {_step}, [{string.Join(", ", observation.ToArray())}], lies outside "
                    + $"{ObservationSpace}.");
    }
}
