using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>What every environment has, whatever its observations and actions are made of.</summary>
public interface IEnvironment
{
    /// <summary>A name such as <c>CartPole</c>.</summary>
    string Name { get; }

    /// <summary>The environment inside all wrappers.</summary>
    IEnvironment Unwrapped { get; }

    /// <summary>The stream that drives the environment; restarted by a reset with a seed, else it goes on.</summary>
    RandomStream Random { get; }

    /// <summary>Mean return at which the task counts as solved; null where none is usual.</summary>
    double? RewardThreshold => null;

    /// <summary>
    /// Steps after which episodes are meant to be cut; null for none. The catalog and recipes add the
    /// <see cref="TimeLimit{TObservation,TAction}"/>.
    /// </summary>
    int? MaxEpisodeSteps => null;

    /// <summary>The returns that episodes can have; charts keep their bands within it.</summary>
    ReturnRange ReturnRange => ReturnRange.Unbounded;

    /// <summary>
    /// Whether <see cref="Save"/> keeps an episode under way; otherwise only the random stream, and a reset must follow <see cref="Load"/>.
    /// </summary>
    bool SavesState => true;

    /// <summary>Writes everything that decides the steps to come: state, counters, random stream.</summary>
    void Save(BinaryWriter writer);

    /// <summary>Restores what <see cref="Save"/> wrote for an environment made with the same options.</summary>
    void Load(BinaryReader reader);
}

/// <summary>
/// The contract of Gymnasium in .NET terms. Observations are rows of <typeparamref name="TObservation"/> written into memory of the caller,
/// so stepping allocates nothing: <c>int</c> for states, cards and grids, <c>float</c> for continuous ones.
/// Actions are rows of <c>int</c> (choices) or <c>float</c> (continuous).
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public interface IEnvironment<TObservation, TAction> : IEnvironment
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <summary>The observations that may come.</summary>
    Space<TObservation> ObservationSpace { get; }

    /// <summary>The actions that may be taken.</summary>
    Space<TAction> ActionSpace { get; }

    /// <summary>Starts an episode and writes its first observation.</summary>
    /// <param name="observation">Receives <c>ObservationSpace.Size</c> values.</param>
    /// <param name="seed">Restarts the random stream: the episode then equals Gymnasium's with the same seed. Without it the stream goes
    /// on.</param>
    void Reset(Span<TObservation> observation, ulong? seed = null);

    /// <summary>Takes an action and writes the observation that follows.</summary>
    /// <exception cref="ArgumentException">The action lies outside <see cref="ActionSpace"/>.</exception>
    /// <exception cref="InvalidOperationException">No episode is running: it ended, or <see cref="Reset"/> was never called.</exception>
    StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation);
}

/// <summary>The returns that episodes of an environment can have.</summary>
/// <param name="Low">The lowest, or negative infinity.</param>
/// <param name="High">The highest, or positive infinity.</param>
public readonly record struct ReturnRange(double Low, double High)
{
    /// <summary>Nothing is known.</summary>
    public static ReturnRange Unbounded { get; } = new(double.NegativeInfinity, double.PositiveInfinity);
}
