using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="Pendulum"/>.</summary>
public sealed record PendulumOptions : IOptionsRecord
{
    /// <summary>Gravity in m/s^2.</summary>
    public double Gravity { get; init; } = 10.0;

    /// <summary>Start angles are uniform within plus and minus this.</summary>
    public double StartAngle { get; init; } = Math.PI;

    /// <summary>Start velocities are uniform within plus and minus this.</summary>
    public double StartVelocity { get; init; } = 1.0;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Gravity, 0.0)
        .AtLeast(StartAngle, 0.0)
        .AtLeast(StartVelocity, 0.0);
}

/// <summary>
/// Swing a pendulum up and hold it upright with a torque in [-2, 2]; reward minus (angle^2 + 0.1 velocity^2 + 0.001 torque^2) of the state
/// before the step. Observation: cosine, sine, angular velocity (float32). Steps bit for bit like Gymnasium's <c>Pendulum</c> under NumPy 2
/// (the torque is a float32).
/// </summary>
public sealed class Pendulum : Environment<float, float>, IRenderable
{
    private const double MaxSpeed = 8;
    private const float MaxTorque = 2;
    private const double TimeStep = 0.05;

    private readonly PendulumOptions _options;
    private readonly double _pull;
    private double _angle;
    private double _velocity;
    private float _torque;

    // The last observation's sine: the next step begins at the same angle.
    private double _sine;
    private double _sineOf = double.NaN;

    /// <summary>Makes the environment.</summary>
    public Pendulum(PendulumOptions? options = null)
        : base(new Box([-1, -1, -(float)MaxSpeed], [1, 1, (float)MaxSpeed]), new Box(-MaxTorque, MaxTorque, 1))
    {
        _options = (options ?? new()).ThrowIfInvalid();
        _pull = 3 * _options.Gravity / 2.0;
    }

    /// <summary>Angle (0 is upright) and angular velocity; setting them starts an episode from there.</summary>
    public (double Angle, double Velocity) State
    {
        get => (_angle, _velocity);
        set
        {
            (_angle, _velocity) = value;
            IsRunning = true;
        }
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 30;

    /// <inheritdoc/>
    public RgbImage Render() => ClassicControlPictures.Pendulum(_angle, _torque);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.PendulumText(_angle, _velocity);

    /// <inheritdoc/>
    protected override void Begin()
    {
        _angle = Random.Uniform(-_options.StartAngle, _options.StartAngle);
        _velocity = Random.Uniform(-_options.StartVelocity, _options.StartVelocity);
        _torque = 0;
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<float> action)
    {
        var u = _torque = Math.Clamp(action[0], -MaxTorque, MaxTorque);
        var normal = Normalize(_angle);
        // Squares go through the C library's pow, as NumPy's scalars do.
        var cost = LibraryBits.Square(normal) + (0.1 * LibraryBits.Square(_velocity)) + (0.001f * MathF.Pow(u, 2));
        var velocity = _velocity + (((_pull * (_angle == _sineOf ? _sine : Math.Sin(_angle))) + (3.0f * u)) * TimeStep);
        _velocity = Math.Clamp(velocity, -MaxSpeed, MaxSpeed);
        _angle += _velocity * TimeStep;
        return new StepOutcome(-cost, false);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        observation[2] = (float)_velocity;
        (_sine, var cosine) = Math.SinCos(_angle);
        _sineOf = _angle;
        observation[0] = (float)cosine;
        observation[1] = (float)_sine;
    }

    /// <summary>Any finite torque is taken; it is clipped to [-2, 2] as Gymnasium does.</summary>
    protected override bool IsValid(ReadOnlySpan<float> action) => action.Length == 1 && float.IsFinite(action[0]);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_angle);
        writer.Write(_velocity);
        writer.Write(_torque);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) =>
        (_angle, _velocity, _torque) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadSingle());

    // Python's remainder takes the sign of the divisor.
    private static double Normalize(double angle)
    {
        var remainder = angle + Math.PI;
        // Within one turn the remainder is the number itself.
        if (!(Math.Abs(remainder) < 2 * Math.PI)) remainder %= 2 * Math.PI;
        if (remainder < 0) remainder += 2 * Math.PI;
        return remainder - Math.PI;
    }
}
