namespace Cresset.Rl;

/// <summary>
/// The mountain car as in Sutton and Barto, example 10.1: positions in [-1.2, 0.5], the episode ends at 0.5, the velocity becomes 0 at the
/// left wall; start uniform in [-0.6, -0.4). Gymnasium's <see cref="MountainCar"/> differs in the right border.
/// Observation: position, velocity (float32); actions 0 reverse, 1 coast, 2 forward; -1 a step.
/// </summary>
public sealed class SuttonMountainCar : Environment<float, int>, IRenderable
{
    private double _position;
    private double _velocity;

    /// <summary>Makes the environment.</summary>
    public SuttonMountainCar()
        : base(new Box([-1.2f, -0.07f], [0.5f, 0.07f]), new Discrete(3))
    {
    }

    /// <summary>Position and velocity; setting them starts an episode from there.</summary>
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
    public RgbImage Render() => ClassicControlPictures.MountainCar(_position, 0.5);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.MountainCarText(_position, _velocity, 0.5);

    /// <inheritdoc/>
    protected override void Begin() => (_position, _velocity) = (Random.Uniform(-0.6, -0.4), 0);

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        _velocity = Math.Clamp(_velocity + (0.001 * (action[0] - 1)) - (0.0025 * Math.Cos(3 * _position)), -0.07, 0.07);
        _position += _velocity;
        if (_position <= -1.2) (_position, _velocity) = (-1.2, 0);
        if (_position >= 0.5) _position = 0.5;
        return new StepOutcome(-1, _position >= 0.5);
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
