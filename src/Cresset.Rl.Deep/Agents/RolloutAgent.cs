using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>What agents share that learn in copies of an environment: copies, streams, episodes, figures, and how all of it is saved.</summary>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
public abstract class RolloutAgent<TAction> : IAgent<TAction>
    where TAction : unmanaged
{
    private protected RolloutAgent(VectorEnvironment<float, TAction> environments, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(environments);
        Environments = environments;
        ObservationSize = environments.SingleObservationSpace.Size;
        Streams = new RolloutStreams(seed);
        Episodes = new EpisodeTracker(environments.Count);
    }

    /// <inheritdoc/>
    public abstract string Algorithm { get; }

    /// <inheritdoc/>
    public long Step { get; private protected set; }

    /// <inheritdoc/>
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public EpisodeTracker Episodes { get; }

    private protected VectorEnvironment<float, TAction> Environments { get; }

    private protected RolloutStreams Streams { get; }

    private protected LearningFigures Figures { get; } = new();

    private protected abstract INetworkState Networks { get; }

    /// <inheritdoc/>
    public abstract void Advance();

    /// <inheritdoc/>
    public abstract void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions);

    /// <inheritdoc/>
    public virtual void Report(Action<string, double> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        Figures.Report(figure);
    }

    /// <inheritdoc/>
    public virtual void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("agent/format", Algorithm);
        state.Put("agent/step", Step);
        Networks.Save(state);
        state.Put("agent/environments", Environments.Save);
        state.Put("agent/streams", Streams.Save);
        state.Put("agent/episodes", Episodes.Save);
        state.Put("agent/figures", Figures.Save);
    }

    /// <inheritdoc/>
    public virtual void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Text("agent/format") != Algorithm) throw new InvalidDataException($"The state belongs to '{state.Text("agent/format")}', not to '{Algorithm}'.");
        Networks.Load(state);
        Step = (long)state.Number("agent/step");
        state.Get("agent/environments", Environments.Load);
        state.Get("agent/streams", Streams.Load);
        state.Get("agent/episodes", Episodes.Load);
        state.Get("agent/figures", Figures.Load);
    }

    /// <inheritdoc/>
    public void SavePolicy(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Networks.SavePolicy(state);
    }

    /// <inheritdoc/>
    public void LoadPolicy(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Networks.LoadPolicy(state);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the agent holds beyond managed memory.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
