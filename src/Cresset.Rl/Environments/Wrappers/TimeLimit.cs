namespace Cresset.Rl;

/// <summary>Truncates episodes after a number of steps.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class TimeLimit<TObservation, TAction> : Wrapper<TObservation, TAction>
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private int _elapsed;

    private readonly double? _threshold;

    /// <summary>Limits <paramref name="inner"/> to <paramref name="maxSteps"/> steps per episode.</summary>
    /// <param name="inner">The environment.</param>
    /// <param name="maxSteps">Longest episode.</param>
    /// <param name="rewardThreshold">Mean return at which the task counts as solved under this limit; that of the environment inside when
    /// left out.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxSteps"/> is not positive.</exception>
    public TimeLimit(IEnvironment<TObservation, TAction> inner, int maxSteps, double? rewardThreshold = null)
        : base(inner)
    {
        _threshold = rewardThreshold ?? inner.RewardThreshold;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSteps);
        MaxSteps = maxSteps;
    }

    /// <summary>Longest episode.</summary>
    public int MaxSteps { get; }

    /// <inheritdoc/>
    public override double? RewardThreshold => _threshold;

    /// <inheritdoc/>
    public override int? MaxEpisodeSteps => MaxSteps;

    /// <summary>Steps of the current episode.</summary>
    public int ElapsedSteps => _elapsed;

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        _elapsed = 0;
        Inner.Reset(observation, seed);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (_elapsed >= MaxSteps)
            throw new InvalidOperationException($"{Name}: the episode was truncated after {MaxSteps} steps. Call Reset before Step.");
        var outcome = Inner.Step(action, observation);
        return ++_elapsed >= MaxSteps ? outcome with { Truncated = true } : outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) => writer.Write(_elapsed);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => _elapsed = reader.ReadInt32();
}
