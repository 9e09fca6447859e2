namespace Cresset.Rl;

/// <summary>Shifts and scales observations to a running mean of 0 and variance of 1.</summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class NormalizeObservation<TAction> : Wrapper<float, TAction>
    where TAction : unmanaged
{
    private readonly double _epsilon;

    /// <summary>Normalises <paramref name="inner"/>; <paramref name="epsilon"/> is added to the variance.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epsilon"/> is not positive.</exception>
    public NormalizeObservation(IEnvironment<float, TAction> inner, double epsilon = 1e-8)
        : base(inner, new Box(float.NegativeInfinity, float.PositiveInfinity, inner.ObservationSpace.Size))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        _epsilon = epsilon;
        Moments = new RunningMoments(inner.ObservationSpace.Size, singlePrecision: true);
    }

    /// <summary>The moments so far.</summary>
    public RunningMoments Moments { get; }

    /// <summary>Whether observations still change the moments; turn off for evaluation.</summary>
    public bool IsUpdating { get; set; } = true;

    /// <inheritdoc/>
    public override void Reset(Span<float> observation, ulong? seed = null)
    {
        Inner.Reset(observation, seed);
        Normalize(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        var outcome = Inner.Step(action, observation);
        Normalize(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) => Moments.Save(writer);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => Moments.Load(reader);

    private void Normalize(Span<float> observation)
    {
        if (IsUpdating)
        {
            for (var i = 0; i < observation.Length; i++) Moments.Add(i, observation[i]);
            Moments.EndRow();
        }
        for (var i = 0; i < observation.Length; i++)
        {
            observation[i] = (observation[i] - (float)Moments.Mean[i]) / MathF.Sqrt((float)Moments.Variance[i] + (float)_epsilon);
        }
    }
}
