namespace Cresset.Rl;

/// <summary>Maps actions in a chosen range linearly to the bounds of the inner action space.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
public sealed class RescaleAction<TObservation> : Wrapper<TObservation, float>
    where TObservation : unmanaged
{
    private readonly BoxScale _scale;
    private readonly float[] _inner;

    /// <summary>Takes actions in [<paramref name="low"/>, <paramref name="high"/>].</summary>
    /// <exception cref="ArgumentException">The action space is not a box, or the range is empty.</exception>
    public RescaleAction(IEnvironment<TObservation, float> inner, float low = -1, float high = 1)
        : base(inner, actionSpace: new Box(low, high, inner.ActionSpace.Size))
    {
        if (!(low < high)) throw new ArgumentException($"The range [{low}, {high}] is empty.", nameof(low));
        _scale = new BoxScale(BoxScale.BoxOf(inner.ActionSpace), low, high);
        _inner = new float[inner.ActionSpace.Size];
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<float> action, Span<TObservation> observation)
    {
        for (var i = 0; i < _inner.Length; i++) _inner[i] = _scale.Backward(i, action[i]);
        return Inner.Step(_inner, observation);
    }
}

/// <summary>Clips actions to the bounds of the inner action space.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
public sealed class ClipAction<TObservation>(IEnvironment<TObservation, float> inner)
    : Wrapper<TObservation, float>(inner, actionSpace: new Box(float.NegativeInfinity, float.PositiveInfinity, inner.ActionSpace.Size))
    where TObservation : unmanaged
{
    private readonly Box _box = BoxScale.BoxOf(inner.ActionSpace);
    private readonly float[] _clipped = new float[inner.ActionSpace.Size];

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<float> action, Span<TObservation> observation)
    {
        for (var i = 0; i < _clipped.Length; i++) _clipped[i] = Math.Clamp(action[i], _box.Low[i], _box.High[i]);
        return Inner.Step(_clipped, observation);
    }
}

/// <summary>Maps observations linearly from their bounds to a chosen range.</summary>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class RescaleObservation<TAction> : Wrapper<float, TAction>
    where TAction : unmanaged
{
    private readonly BoxScale _scale;

    /// <summary>Shows observations in [<paramref name="low"/>, <paramref name="high"/>].</summary>
    /// <exception cref="ArgumentException">The observation space is not a box with finite bounds.</exception>
    public RescaleObservation(IEnvironment<float, TAction> inner, float low = -1, float high = 1)
        : base(inner, new Box(low, high, inner.ObservationSpace.Size))
        => _scale = new BoxScale(BoxScale.BoxOf(inner.ObservationSpace), low, high);

    /// <inheritdoc/>
    public override void Reset(Span<float> observation, ulong? seed = null)
    {
        Inner.Reset(observation, seed);
        for (var i = 0; i < observation.Length; i++) observation[i] = _scale.Forward(i, observation[i]);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<float> observation)
    {
        var outcome = Inner.Step(action, observation);
        for (var i = 0; i < observation.Length; i++) observation[i] = _scale.Forward(i, observation[i]);
        return outcome;
    }
}

/// <summary>The linear map from the bounds of a box to a range.</summary>
internal sealed class BoxScale
{
    private readonly float[] _gradient;
    private readonly float[] _intercept;

    public BoxScale(Box box, float low, float high)
    {
        if (!box.IsBounded)
            throw new ArgumentException($"{box} has infinite bounds and cannot be rescaled to [{low}, {high}].", nameof(box));
        _gradient = new float[box.Size];
        _intercept = new float[box.Size];
        for (var i = 0; i < box.Size; i++)
        {
            _gradient[i] = (float)((high - low) / ((double)box.High[i] - box.Low[i]));
            _intercept[i] = (_gradient[i] * -box.Low[i]) + low;
        }
    }

    public static Box BoxOf(Space<float> space) => space as Box ?? throw new ArgumentException($"{space} is not a Box.", nameof(space));

    public float Forward(int index, float value) => (_gradient[index] * value) + _intercept[index];

    public float Backward(int index, float value) => (value - _intercept[index]) / _gradient[index];
}
