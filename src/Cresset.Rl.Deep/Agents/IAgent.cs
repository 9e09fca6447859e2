using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// Something that learns in copies of an environment. It owns its rollout environments, streams and networks, so its state is enough to go
/// on bit for bit.
/// </summary>
public interface ILearner : ISaved, IDisposable
{
    /// <summary>A short name such as <c>dqn</c>.</summary>
    string Algorithm { get; }

    /// <summary>Steps taken in the environments, over all copies.</summary>
    long Step { get; }

    /// <summary>Values of an observation.</summary>
    int ObservationSize { get; }

    /// <summary>Mean return at which the task that is learned counts as solved; null where none is known.</summary>
    double? RewardThreshold => null;

    /// <summary>
    /// Running moments that observations are scaled by, outermost first; saved with the policy. Empty where nothing is scaled.
    /// </summary>
    IReadOnlyList<RunningMoments> Moments => [];

    /// <summary>Episodes finished while learning.</summary>
    EpisodeTracker Episodes { get; }

    /// <summary>Acts (at least) once in every copy and learns when it is time.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite; the message names the step.</exception>
    void Advance();

    /// <summary>Figures of learning since the last call (mean loss, exploration, ...), by name.</summary>
    void Report(Action<string, double> figure);

    /// <summary>Writes what acting needs: the network, under the keys of a PyTorch state dict.</summary>
    void SavePolicy(Snapshot state);

    /// <summary>Takes over what <see cref="SavePolicy"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The policy belongs to another network.</exception>
    void LoadPolicy(Snapshot state);
}

/// <summary>A learner that acts.</summary>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
public interface IAgent<TAction> : ILearner
    where TAction : unmanaged
{
    /// <summary>Chooses without exploring.</summary>
    /// <param name="observations">[count, ObservationSize].</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="actions">Receives one action per row, [count, size of an action].</param>
    /// <param name="masks">Which actions are allowed, [count, entries of a mask]; empty where all are.</param>
    void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks = default);

    /// <summary>Values that an episode carries from step to step for an agent that remembers; 0 for the others.</summary>
    int MemorySize => 0;

    /// <summary>Chooses without exploring, as the next step of episodes under way.</summary>
    /// <param name="observations">[count, ObservationSize].</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="actions">Receives one action per row.</param>
    /// <param name="masks">Which actions are allowed; empty where all are.</param>
    /// <param name="memory">[count, MemorySize]: zeros at the start of an episode, else what the step before left here.</param>
    void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks, Span<float> memory) =>
        Act(observations, count, actions, masks);
}

/// <summary>An agent whose actions are single choices.</summary>
public interface IAgent : IAgent<int>
{
    /// <summary>Number of actions.</summary>
    int ActionCount { get; }
}
