namespace Cresset.Rl;

/// <summary>Shifts and scales observations to a running mean of 0 and variance of 1.</summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class NormalizeObservation<TAction> : Wrapper<float, TAction>, IMomentsWrapper
    where TAction : unmanaged
{
    private readonly double _epsilon;
    private readonly List<float[]> _pending = [];
    private RunningMoments _moments;

    /// <summary>Normalises <paramref name="inner"/>; <paramref name="epsilon"/> is added to the variance.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epsilon"/> is not positive.</exception>
    public NormalizeObservation(IEnvironment<float, TAction> inner, double epsilon = 1e-8)
        : base(inner, new Box(float.NegativeInfinity, float.PositiveInfinity, inner.ObservationSpace.Size))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        _epsilon = epsilon;
        _moments = new RunningMoments(inner.ObservationSpace.Size, singlePrecision: true);
    }

    /// <summary>The moments so far; copies in a vector environment share theirs, and an agent saves them with its policy.</summary>
    /// <exception cref="ArgumentException">The moments are of rows of another size.</exception>
    public RunningMoments Moments
    {
        get => _moments;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Size != ObservationSpace.Size)
                throw new ArgumentException($"The moments are of {value.Size} values; {Name} observes {ObservationSpace.Size}.",
                    nameof(value));
            _moments = value;
        }
    }

    /// <summary>Whether observations still change the moments; turn off for evaluation.</summary>
    public bool IsUpdating { get; set; } = true;

    /// <inheritdoc/>
    public bool ScalesObservations => true;

    /// <inheritdoc/>
    public bool IsDeferred { get; set; }

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
    public void Commit()
    {
        foreach (var row in _pending) Take(row);
        _pending.Clear();
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer) => Moments.Save(writer);

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => Moments.Load(reader);

    private void Take(ReadOnlySpan<float> row)
    {
        for (var i = 0; i < row.Length; i++) Moments.Add(i, row[i]);
        Moments.EndRow();
    }

    private void Normalize(Span<float> observation)
    {
        if (IsUpdating && IsDeferred) _pending.Add(observation.ToArray());
        else if (IsUpdating) Take(observation);
        for (var i = 0; i < observation.Length; i++)
        {
            observation[i] = (observation[i] - (float)Moments.Mean[i]) / MathF.Sqrt((float)Moments.Variance[i] + (float)_epsilon);
        }
    }
}
