namespace Cresset.Rl;

/// <summary>Divides rewards by the running deviation of the discounted return, so that returns have a variance of about 1.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class NormalizeReward<TObservation, TAction> : Wrapper<TObservation, TAction>, IMomentsWrapper
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private readonly double _gamma;
    private readonly double _epsilon;
    private readonly List<double> _pending = [];
    private double _return;

    /// <summary>Normalises the rewards of <paramref name="inner"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Gamma is outside [0, 1] or epsilon is not positive.</exception>
    public NormalizeReward(IEnvironment<TObservation, TAction> inner, double gamma = 0.99, double epsilon = 1e-8)
        : base(inner)
    {
        _gamma = Discount.Checked(gamma);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        _epsilon = epsilon;
    }

    /// <summary>The moments of the discounted return so far; may be shared by several copies.</summary>
    public RunningMoments Moments { get; set; } = new(1);

    /// <summary>Whether rewards still change the moments; turn off for evaluation.</summary>
    public bool IsUpdating { get; set; } = true;

    /// <summary>Whether rewards are scaled; evaluations of an agent turn it off, so that returns are in the task's own units.</summary>
    public bool IsScaling { get; set; } = true;

    /// <summary>The reward of the last step before it was scaled.</summary>
    public double RawReward { get; private set; }

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => IsScaling ? ReturnRange.Unbounded : Inner.ReturnRange;

    /// <inheritdoc/>
    public bool ScalesObservations => false;

    /// <inheritdoc/>
    public bool IsDeferred { get; set; }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        RawReward = outcome.Reward;
        _return = (_return * _gamma * (outcome.Terminated ? 0 : 1)) + outcome.Reward;
        if (IsUpdating && IsDeferred) _pending.Add(_return);
        else if (IsUpdating) Moments.AddRow([_return]);
        return !IsScaling ? outcome : outcome with { Reward = outcome.Reward / Math.Sqrt(Moments.Variance[0] + _epsilon) };
    }

    /// <inheritdoc/>
    public void Commit()
    {
        foreach (var value in _pending) Moments.AddRow([value]);
        _pending.Clear();
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_return);
        Moments.Save(writer);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        _return = reader.ReadDouble();
        Moments.Load(reader);
    }
}

/// <summary>Applies a function to every reward: scaling, clipping, shaping.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class TransformReward<TObservation, TAction>(IEnvironment<TObservation, TAction> inner, Func<double, double> transform)
    : Wrapper<TObservation, TAction>(inner)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    /// <inheritdoc/>
    public override ReturnRange ReturnRange => ReturnRange.Unbounded;

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        var outcome = Inner.Step(action, observation);
        return outcome with { Reward = transform(outcome.Reward) };
    }
}
