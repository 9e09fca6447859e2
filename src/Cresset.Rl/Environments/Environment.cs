using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// The common part of environments: seeding, order of calls, checks of actions. A concrete one gives the dynamics (<see cref="Begin"/>,
/// <see cref="Advance"/>) and what is seen of them (<see cref="Observe"/>).
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public abstract class Environment<TObservation, TAction> : IEnvironment<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private RandomStream? _random;

    /// <summary>Sets the spaces.</summary>
    protected Environment(Space<TObservation> observationSpace, Space<TAction> actionSpace)
    {
        ObservationSpace = observationSpace;
        ActionSpace = actionSpace;
    }

    /// <inheritdoc/>
    public virtual string Name => GetType().Name;

    /// <inheritdoc/>
    public IEnvironment Unwrapped => this;

    /// <inheritdoc/>
    public RandomStream Random => _random ??= RandomStream.FromSystem();

    /// <inheritdoc/>
    public Space<TObservation> ObservationSpace { get; }

    /// <inheritdoc/>
    public Space<TAction> ActionSpace { get; }

    /// <summary>Whether an episode is running; setting a state by hand starts one.</summary>
    protected bool IsRunning { get; set; }

    /// <inheritdoc/>
    public void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        if (seed is { } value) _random = new RandomStream(value);
        Begin();
        IsRunning = true;
        Observe(observation);
    }

    /// <inheritdoc/>
    public virtual StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (!IsRunning) ThrowNotRunning();
        if (!IsValid(action)) ThrowInvalidAction(action);
        var outcome = Advance(action);
        IsRunning = !outcome.Ended;
        Observe(observation);
        return outcome;
    }

    /// <inheritdoc/>
    public virtual double? RewardThreshold => null;

    /// <inheritdoc/>
    public virtual int? MaxEpisodeSteps => null;

    /// <inheritdoc/>
    public virtual ReturnRange ReturnRange => ReturnRange.Unbounded;

    /// <summary>
    /// Whether <see cref="SaveState"/> is overridden, so that an episode under way survives <see cref="Save"/> and <see cref="Load"/>.
    /// </summary>
    public bool SavesState
        => new Action<BinaryWriter>(SaveState).Method.DeclaringType != typeof(Environment<TObservation, TAction>);

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        writer.Write(IsRunning);
        writer.WriteStream(Random);
        SaveState(writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        IsRunning = reader.ReadBoolean();
        _random = reader.ReadStream();
        LoadState(reader);
        // What cannot be saved is not there to go on with: the next call has to be Reset.
        IsRunning &= SavesState;
    }

    /// <summary>Draws the first state of an episode.</summary>
    protected abstract void Begin();

    /// <summary>Applies a valid action to the state.</summary>
    protected abstract StepOutcome Advance(ReadOnlySpan<TAction> action);

    /// <summary>Writes what is seen of the state.</summary>
    protected abstract void Observe(Span<TObservation> observation);

    /// <summary>
    /// Writes the state. A simulator that cannot be saved leaves this out: the random stream alone is kept then, and an episode under way
    /// is lost.
    /// </summary>
    protected virtual void SaveState(BinaryWriter writer)
    {
    }

    /// <summary>Reads the state.</summary>
    protected virtual void LoadState(BinaryReader reader)
    {
    }

    /// <summary>Whether an action may be taken; the space decides unless a faster test is given.</summary>
    protected virtual bool IsValid(ReadOnlySpan<TAction> action) => ActionSpace.Contains(action);

    /// <summary>Throws the exception for a step without an episode.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected void ThrowNotRunning() =>
        throw new InvalidOperationException($"{Name}: no episode is running. It has ended or was never started: call Reset before Step.");

    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected void ThrowInvalidAction(ReadOnlySpan<TAction> action)
        => throw new ArgumentException(ActionMasks.Refusal(this, ActionSpace, action), nameof(action));
}
