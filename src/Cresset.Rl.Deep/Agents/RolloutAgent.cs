using System.Globalization;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// What agents share that learn in copies of an environment: copies, streams, episodes, figures, and how all of it is saved.
/// </summary>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
public abstract class RolloutAgent<TAction> : IAgent<TAction>
    where TAction : unmanaged
{
    private const string Of = "agent/identity/", OfPolicy = "policy/identity/";

    /// <summary>An agent that has not reset its environments yet.</summary>
    protected RolloutAgent(VectorEnvironment<float, TAction> environments, ulong seed)
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
    public long Step { get; protected set; }

    /// <inheritdoc/>
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public EpisodeTracker Episodes { get; }

    /// <inheritdoc/>
    public double? RewardThreshold => Environments.RewardThreshold;

    /// <inheritdoc/>
    public IReadOnlyList<RunningMoments> Moments => Environments.Moments;

    /// <summary>The copies that the agent learns in.</summary>
    protected VectorEnvironment<float, TAction> Environments { get; }

    /// <summary>The random streams, one per purpose.</summary>
    protected RolloutStreams Streams { get; }

    /// <summary>Means of learning between two reports.</summary>
    protected LearningFigures Figures { get; } = new();

    /// <summary>Networks and optimizers.</summary>
    protected abstract INetworkState Networks { get; }

    /// <summary>What a state must agree in to be taken over: sizes, and options that give what is stored its meaning.</summary>
    protected virtual IEnumerable<(string Name, double Value)> Identity =>
    [
        ("copies", Environments.Count),
        ("observation values", ObservationSize),
        ("action values", Environments.SingleActionSpace.Size),
        ("mask entries", Environments.Masks.IsEmpty ? 0 : Environments.MaskSize),
        ("running moments", Moments.Count),
    ];

    /// <summary>Of those, what the networks alone must agree in: options that leave their shapes as they are, but not their
    /// meaning.</summary>
    protected virtual IEnumerable<(string Name, double Value)> PolicyIdentity => [];

    /// <inheritdoc/>
    public abstract void Advance();

    /// <inheritdoc/>
    public abstract void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks = default);

    /// <inheritdoc/>
    public virtual int MemorySize => 0;

    /// <inheritdoc/>
    public virtual void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks,
        Span<float> memory) => Act(observations, count, actions, masks);

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
        foreach (var (name, value) in Identity.Concat(PolicyIdentity)) state.Put(Of + name, value);
        state.Put("agent/step", Step);
        Networks.Save(state);
        state.Put("agent/environments", Environments.Save);
        state.Put("agent/streams", Streams.Save);
        state.Put("agent/episodes", Episodes.Save);
        state.Put("agent/figures", Figures.Save);
    }

    /// <inheritdoc/>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Text("agent/format") != Algorithm)
            throw new InvalidDataException($"The state belongs to '{state.Text("agent/format")}', not to '{Algorithm}'.");
        RequireSame(state, Of, Identity.Concat(PolicyIdentity), "state");
        // A damaged or foreign state must not leave half of itself behind.
        using var before = new Snapshot();
        Save(before);
        try
        {
            LoadAll(state);
        }
        catch
        {
            LoadAll(before);
            throw;
        }
    }

    /// <summary>Takes over a state whose identity fits.</summary>
    protected virtual void LoadAll(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Networks.Load(state);
        Step = (long)state.Number("agent/step");
        state.Get("agent/environments", Environments.Load);
        state.Get("agent/streams", Streams.Load);
        state.Get("agent/episodes", Episodes.Load);
        state.Get("agent/figures", Figures.Load);
        foreach (var copy in Environments.Lost) Episodes.Forget(copy);
    }

    /// <inheritdoc/>
    public void SavePolicy(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Networks.SavePolicy(state);
        foreach (var (name, value) in PolicyIdentity) state.Put(OfPolicy + name, value);
        for (var i = 0; i < Moments.Count; i++) state.Put($"moments/{i}", Moments[i].Save);
    }

    /// <inheritdoc/>
    public void LoadPolicy(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        RequireSame(state, OfPolicy, PolicyIdentity, "policy");
        var saved = state.Tensors.Keys.Count(k => k.StartsWith("moments/", StringComparison.Ordinal));
        if (saved != Moments.Count)
        {
            throw new InvalidDataException(
                $"The policy was saved with {saved} sets of running moments; the environments of this agent have {Moments.Count}. Wrap "
                    + $"them in NormalizeObservation as they were when it learned.");
        }
        var fresh = Moments.Select(m => m.Clone()).ToList();
        for (var i = 0; i < fresh.Count; i++) state.Get($"moments/{i}", fresh[i].Load);
        Networks.LoadPolicy(state);
        for (var i = 0; i < fresh.Count; i++) state.Get($"moments/{i}", Moments[i].Load);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the agent holds beyond managed memory, and ends copies that live in other processes.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) (Environments as IDisposable)?.Dispose();
    }

    private static void RequireSame(Snapshot state, string prefix, IEnumerable<(string Name, double Value)> identity, string what)
    {
        foreach (var (name, value) in identity)
        {
            // States written before this was kept are judged by the sizes of what they hold.
            if (!state.Texts.ContainsKey(prefix + name)) continue;
            var saved = state.Number(prefix + name);
            if (saved != value)
                throw new InvalidDataException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"The {what} was made with {name} {saved}; this agent has {value}. Make the agent as the saved one was, or start "
                            + $"anew."));
        }
    }
}
