using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="CartPole"/>.</summary>
public sealed record CartPoleOptions : IOptionsRecord
{
    /// <summary>Reward 0 a step and -1 at the end, instead of 1 a step.</summary>
    public bool SuttonBartoReward { get; init; }

    /// <summary>The integrator.</summary>
    public CartPoleIntegrator Integrator { get; init; } = CartPoleIntegrator.Euler;

    /// <summary>Each of the four start values is uniform in this range.</summary>
    public ResetBounds Start { get; init; } = new(-0.05, 0.05);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Integrator)
        .Must(Start.Low <= Start.High, Start, "a range with low <= high");
}

/// <summary>
/// Balance a pole on a cart by pushing it left (0) or right (1). Observation: position, velocity, angle, angular velocity (float32). Steps
/// bit for bit like Gymnasium's <c>CartPole</c>; the time limit (500) is a wrapper's business.
/// </summary>
public sealed class CartPole : Environment<float, int>, IRenderable
{
    private readonly bool _semiImplicit;
    private readonly double _livingReward;
    private readonly double _finalReward;
    private readonly ResetBounds _start;
    private CartPoleState _state;

    /// <summary>Makes the environment.</summary>
    public CartPole(CartPoleOptions? options = null)
        : base(
            new Box(
                [-(float)(CartPoleDynamics.PositionLimit * 2), float.NegativeInfinity, -(float)(CartPoleDynamics.AngleLimit * 2),
                    float.NegativeInfinity],
                [(float)(CartPoleDynamics.PositionLimit * 2), float.PositiveInfinity, (float)(CartPoleDynamics.AngleLimit * 2),
                    float.PositiveInfinity]),
            new Discrete(2))
    {
        options = (options ?? new()).ThrowIfInvalid();
        _semiImplicit = options.Integrator == CartPoleIntegrator.SemiImplicitEuler;
        (_livingReward, _finalReward) = options.SuttonBartoReward ? (0.0, -1.0) : (1.0, 1.0);
        _start = options.Start.Checked();
    }

    /// <summary>The state in double precision; setting it starts an episode from there.</summary>
    public CartPoleState State
    {
        get => _state;
        set => (_state, IsRunning) = (value, true);
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 50;

    /// <inheritdoc/>
    public RgbImage Render() => ClassicControlPictures.CartPole(_state);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.CartPoleText(_state);

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<int> action, Span<float> observation)
    {
        // The general step in one piece: it is what rollouts spend their time in.
        if (!IsRunning) ThrowNotRunning();
        if (action.Length != 1 || (uint)action[0] >= 2) ThrowInvalidAction(action);
        var ended = CartPoleDynamics.Step(ref _state, action[0] == 1, _semiImplicit);
        IsRunning = !ended;
        observation[3] = (float)_state.AngularVelocity;
        observation[0] = (float)_state.Position;
        observation[1] = (float)_state.Velocity;
        observation[2] = (float)_state.Angle;
        return new StepOutcome(ended ? _finalReward : _livingReward, ended);
    }

    /// <inheritdoc/>
    protected override void Begin()
        => _state =
            new(Random.Uniform(_start.Low, _start.High), Random.Uniform(_start.Low, _start.High), Random.Uniform(_start.Low, _start.High),
                Random.Uniform(_start.Low, _start.High));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var ended = CartPoleDynamics.Step(ref _state, action[0] == 1, _semiImplicit);
        return new StepOutcome(ended ? _finalReward : _livingReward, ended);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        observation[3] = (float)_state.AngularVelocity;
        observation[0] = (float)_state.Position;
        observation[1] = (float)_state.Velocity;
        observation[2] = (float)_state.Angle;
    }

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) => action.Length == 1 && (uint)action[0] < 2;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_state.Position);
        writer.Write(_state.Velocity);
        writer.Write(_state.Angle);
        writer.Write(_state.AngularVelocity);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) =>
        _state = new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
}
