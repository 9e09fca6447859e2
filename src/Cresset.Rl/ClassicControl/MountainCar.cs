namespace Cresset.Rl;

/// <summary>
/// Drive an underpowered car out of a valley (Moore 1990): push left (0), not (1) or right (2); reward -1 a step until the position reaches
/// 0.5. Observation: position, velocity (float32). Steps bit for bit like Gymnasium's <c>MountainCar</c>.
/// </summary>
public sealed class MountainCar : Environment<float, int>, IRenderable
{
    internal const double MinPosition = -1.2;
    internal const double MaxPosition = 0.6;
    internal const double MaxSpeed = 0.07;
    private const double GoalPosition = 0.5;
    private const double Force = 0.001;
    private const double Gravity = 0.0025;

    private readonly double _goalVelocity;
    private readonly ResetBounds _start;
    private double _position;
    private double _velocity;

    /// <summary>Makes the environment.</summary>
    /// <param name="goalVelocity">Smallest speed at which the goal counts as reached.</param>
    /// <param name="start">Range of start positions; -0.6 to -0.4 when left out.</param>
    public MountainCar(double goalVelocity = 0, ResetBounds? start = null)
        : base(new Box([(float)MinPosition, -(float)MaxSpeed], [(float)MaxPosition, (float)MaxSpeed]), new Discrete(3))
    {
        _goalVelocity = goalVelocity;
        _start = (start ?? new ResetBounds(-0.6, -0.4)).Checked();
    }

    /// <summary>Position and velocity in double precision; setting them starts an episode from there.</summary>
    public (double Position, double Velocity) State
    {
        get => (_position, _velocity);
        set
        {
            (_position, _velocity) = value;
            IsRunning = true;
        }
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 30;

    /// <inheritdoc/>
    public RgbImage Render() => ClassicControlPictures.MountainCar(_position, GoalPosition);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.MountainCarText(_position, _velocity, GoalPosition);

    /// <inheritdoc/>
    protected override void Begin() => (_position, _velocity) = (Random.Uniform(_start.Low, _start.High), 0);

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        _velocity += ((action[0] - 1) * Force) + (Math.Cos(3 * _position) * -Gravity);
        _velocity = Math.Clamp(_velocity, -MaxSpeed, MaxSpeed);
        _position += _velocity;
        _position = Math.Clamp(_position, MinPosition, MaxPosition);
        if (_position == MinPosition && _velocity < 0) _velocity = 0;
        return new StepOutcome(-1, _position >= GoalPosition && _velocity >= _goalVelocity);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation) => (observation[0], observation[1]) = ((float)_position, (float)_velocity);

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) => action.Length == 1 && (uint)action[0] < 3;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_position);
        writer.Write(_velocity);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => (_position, _velocity) = (reader.ReadDouble(), reader.ReadDouble());
}
