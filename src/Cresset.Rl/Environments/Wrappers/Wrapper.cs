using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>An environment around another one, whatever both are made of.</summary>
public interface IWrapper : IEnvironment
{
    /// <summary>The wrapped environment.</summary>
    IEnvironment Inner { get; }
}

/// <summary>An environment around another one, with its own kinds of observation and action.</summary>
/// <typeparam name="TObservation">Element of an observation as seen outside.</typeparam>
/// <typeparam name="TAction">Element of an action as taken outside.</typeparam>
/// <typeparam name="TInnerObservation">Element of an observation inside.</typeparam>
/// <typeparam name="TInnerAction">Element of an action inside.</typeparam>
public abstract class Wrapper<TObservation, TAction, TInnerObservation, TInnerAction>
    : IEnvironment<TObservation, TAction>, IWrapper, IActionMask
    where TObservation : unmanaged
    where TAction : unmanaged
    where TInnerObservation : unmanaged
    where TInnerAction : unmanaged
{
    /// <summary>Wraps <paramref name="inner"/> and shows the given spaces.</summary>
    protected Wrapper(IEnvironment<TInnerObservation, TInnerAction> inner, Space<TObservation> observationSpace, Space<TAction> actionSpace)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
        ObservationSpace = observationSpace;
        ActionSpace = actionSpace;
    }

    /// <summary>The wrapped environment.</summary>
    public IEnvironment<TInnerObservation, TInnerAction> Inner { get; }

    /// <inheritdoc/>
    public string Name => Inner.Name;

    /// <inheritdoc/>
    public IEnvironment Unwrapped => Inner.Unwrapped;

    IEnvironment IWrapper.Inner => Inner;

    /// <inheritdoc/>
    public RandomStream Random => Inner.Random;

    /// <inheritdoc/>
    public virtual double? RewardThreshold => Inner.RewardThreshold;

    /// <inheritdoc/>
    public virtual int? MaxEpisodeSteps => Inner.MaxEpisodeSteps;

    /// <summary>The range inside; unbounded where a wrapper changes rewards.</summary>
    public virtual ReturnRange ReturnRange => Inner.ReturnRange;

    /// <inheritdoc/>
    public bool SavesState => Inner.SavesState;

    /// <summary>Whether the environment inside has a mask that fits the actions outside.</summary>
    public virtual bool HasActionMask
        => typeof(TAction) == typeof(TInnerAction) && ActionMasks.Of(Inner) is not null
            && ActionMasks.SizeOf(ActionSpace) == ActionMasks.SizeOf(Inner.ActionSpace);

    /// <inheritdoc/>
    public Space<TObservation> ObservationSpace { get; }

    /// <inheritdoc/>
    public Space<TAction> ActionSpace { get; }

    /// <inheritdoc/>
    public abstract void Reset(Span<TObservation> observation, ulong? seed = null);

    /// <inheritdoc/>
    public abstract StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation);

    /// <inheritdoc/>
    public void Save(BinaryWriter writer)
    {
        Inner.Save(writer);
        SaveState(writer);
    }

    /// <inheritdoc/>
    public void Load(BinaryReader reader)
    {
        Inner.Load(reader);
        LoadState(reader);
    }

    /// <summary>The mask of the inner environment; all true when it has none.</summary>
    public virtual void WriteActionMask(Span<bool> mask)
    {
        if (HasActionMask) ((IActionMask)Inner).WriteActionMask(mask);
        else mask.Fill(true);
    }

    /// <summary>Writes the wrapper's own state; nothing unless overridden.</summary>
    protected virtual void SaveState(BinaryWriter writer)
    {
    }

    /// <summary>Reads the wrapper's own state; nothing unless overridden.</summary>
    protected virtual void LoadState(BinaryReader reader)
    {
    }
}

/// <summary>A wrapper that keeps the kinds of observation and action; it passes everything on unless overridden.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public abstract class Wrapper<TObservation, TAction> : Wrapper<TObservation, TAction, TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>Wraps <paramref name="inner"/>; spaces that are left out are those of the inner environment.</summary>
    protected Wrapper(IEnvironment<TObservation, TAction> inner, Space<TObservation>? observationSpace = null,
        Space<TAction>? actionSpace = null)
        : base(inner, observationSpace ?? inner.ObservationSpace, actionSpace ?? inner.ActionSpace)
    {
    }

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null) => Inner.Reset(observation, seed);

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation) => Inner.Step(action, observation);
}
