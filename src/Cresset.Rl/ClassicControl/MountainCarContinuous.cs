namespace Cresset.Rl;

/// <summary>
/// The mountain car with a continuous force in [-1, 1]: 100 for reaching 0.45, minus 0.1 times the squared action each step.
/// Steps bit for bit like Gymnasium's <c>MountainCarContinuous</c> under NumPy 2: the first step of an episode runs in double precision,
/// later ones in float32, and the reward uses the action before clipping.
/// </summary>
public sealed class MountainCarContinuous : Environment<float, float>, IRenderable
{
    private const double MinPosition = MountainCar.MinPosition;
    private const double MaxPosition = MountainCar.MaxPosition;
    private const double MaxSpeed = MountainCar.MaxSpeed;
    private const double GoalPosition = 0.45;
    private const double Power = 0.0015;

    private readonly double _goalVelocity;
    private readonly ResetBounds _start;
    private double _position;
    private double _velocity;
    private bool _isDouble;

    /// <summary>Makes the environment.</summary>
    /// <param name="goalVelocity">Smallest speed at which the goal counts as reached.</param>
    /// <param name="start">Range of start positions; -0.6 to -0.4 when left out.</param>
    public MountainCarContinuous(double goalVelocity = 0, ResetBounds? start = null)
        : base(new Box([(float)MinPosition, -(float)MaxSpeed], [(float)MaxPosition, (float)MaxSpeed]), new Box(-1, 1, 1))
    {
        _goalVelocity = goalVelocity;
        _start = (start ?? new ResetBounds(-0.6, -0.4)).Checked();
    }

    /// <summary>Position and velocity; setting them starts an episode from there.</summary>
    public (double Position, double Velocity) State
    {
        get => (_position, _velocity);
        set
        {
            (_position, _velocity) = value;
            IsRunning = _isDouble = true;
        }
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 30;

    /// <inheritdoc/>
    public RgbImage Render() => ClassicControlPictures.MountainCar(_position, GoalPosition);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.MountainCarText(_position, _velocity, GoalPosition);

    /// <inheritdoc/>
    protected override void Begin()
    {
        (_position, _velocity) = (Random.Uniform(_start.Low, _start.High), 0);
        _isDouble = true;
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<float> action)
    {
        var terminated = _isDouble ? FirstStep(action[0]) : LaterStep(action[0]);
        _isDouble = false;
        return new StepOutcome((terminated ? 100.0 : 0.0) - ((double)action[0] * action[0] * 0.1), terminated);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation) => (observation[0], observation[1]) = ((float)_position, (float)_velocity);

    /// <summary>Any finite force is taken; it is clipped to [-1, 1] as Gymnasium does.</summary>
    protected override bool IsValid(ReadOnlySpan<float> action) => action.Length == 1 && float.IsFinite(action[0]);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_position);
        writer.Write(_velocity);
        writer.Write(_isDouble);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
        => (_position, _velocity, _isDouble) = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadBoolean());

    private bool FirstStep(float action)
    {
        var velocity = Math.Clamp(_velocity + Acceleration(action, 3 * _position), -MaxSpeed, MaxSpeed);
        var position = Math.Clamp(_position + velocity, MinPosition, MaxPosition);
        if (position == MinPosition && velocity < 0) velocity = 0;
        (_position, _velocity) = ((float)position, (float)velocity);
        return position >= GoalPosition && velocity >= _goalVelocity;
    }

    private bool LaterStep(float action)
    {
        var velocity = (float)_velocity + (float)Acceleration(action, 3f * (float)_position);
        velocity = Math.Clamp(velocity, -(float)MaxSpeed, (float)MaxSpeed);
        var position = Math.Clamp((float)_position + velocity, (float)MinPosition, (float)MaxPosition);
        if (position == (float)MinPosition && velocity < 0) velocity = 0;
        (_position, _velocity) = (position, velocity);
        return position >= (float)GoalPosition && velocity >= (float)_goalVelocity;
    }

    // A force inside the bounds is a float32 and makes the whole sum float32; a clipped one is a double.
    private static double Acceleration(float action, double angle)
    {
        var slope = 0.0025 * Math.Cos(angle);
        if (action is > 1f or < -1f) return (Math.Sign(action) * Power) - slope;
        return (float)((action * (float)Power) - (float)slope);
    }
}
