using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="Acrobot"/>.</summary>
public sealed record AcrobotOptions : IOptionsRecord
{
    /// <summary>Leave out the centripetal term of the book's equations, as the paper of 1996 does.</summary>
    public bool PaperEquations { get; init; }

    /// <summary>A uniform disturbance of the torque up to this size.</summary>
    public double TorqueNoise { get; init; }

    /// <summary>Each of the four start values is uniform in this range.</summary>
    public ResetBounds Start { get; init; } = new(-0.1, 0.1);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(TorqueNoise, 0.0)
        .Must(Start.Low <= Start.High, Start, "a range with low <= high");
}

/// <summary>
/// Swing the tip of a two-link pendulum above a line by a torque of -1, 0 or 1 (actions 0, 1, 2) at the middle joint (Sutton 1996): -1 a
/// step, 0 for the last. Observation: cosine and sine of both angles, both angular velocities (float32). Steps bit for bit like Gymnasium's
/// <c>Acrobot</c> (fourth-order Runge-Kutta, 0.2 s, double precision from a float32 start).
/// </summary>
public sealed class Acrobot : Environment<float, int>, IRenderable
{
    private const double MaxVelocity1 = 4 * Math.PI;
    private const double MaxVelocity2 = 9 * Math.PI;
    private const double TimeStep = 0.2;

    private readonly AcrobotOptions _options;
    private Angles _state;

    /// <summary>Makes the environment.</summary>
    public Acrobot(AcrobotOptions? options = null)
        : base(
            new Box([-1, -1, -1, -1, -(float)MaxVelocity1, -(float)MaxVelocity2], [1, 1, 1, 1, (float)MaxVelocity1, (float)MaxVelocity2]),
            new Discrete(3))
        => _options = (options ?? new()).ThrowIfInvalid();

    /// <summary>Angles of the upper and the lower link (0 hangs down; the lower relative to the upper) and their speeds.</summary>
    public (double Angle1, double Angle2, double Velocity1, double Velocity2) State
    {
        get => (_state.A1, _state.A2, _state.V1, _state.V2);
        set => (_state, IsRunning) = (new Angles(value.Angle1, value.Angle2, value.Velocity1, value.Velocity2), true);
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 15;

    /// <inheritdoc/>
    public RgbImage Render() => ClassicControlPictures.Acrobot(_state.A1, _state.A2);

    /// <inheritdoc/>
    public string RenderText() => ClassicControlPictures.AcrobotText(_state.A1, _state.A2, _state.V1, _state.V2);

    /// <inheritdoc/>
    protected override void Begin() => _state = new(Draw(), Draw(), Draw(), Draw());

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        double torque = action[0] - 1;
        if (_options.TorqueNoise > 0) torque += Random.Uniform(-_options.TorqueNoise, _options.TorqueNoise);
        const double Half = TimeStep / 2.0;
        var k1 = Derivative(_state, torque);
        var k2 = Derivative(_state.Plus(Half, k1), torque);
        var k3 = Derivative(_state.Plus(Half, k2), torque);
        var k4 = Derivative(_state.Plus(TimeStep, k3), torque);
        var next = new Angles(
            _state.A1 + (TimeStep / 6.0 * (k1.A1 + (2 * k2.A1) + (2 * k3.A1) + k4.A1)),
            _state.A2 + (TimeStep / 6.0 * (k1.A2 + (2 * k2.A2) + (2 * k3.A2) + k4.A2)),
            _state.V1 + (TimeStep / 6.0 * (k1.V1 + (2 * k2.V1) + (2 * k3.V1) + k4.V1)),
            _state.V2 + (TimeStep / 6.0 * (k1.V2 + (2 * k2.V2) + (2 * k3.V2) + k4.V2)));
        _state = new Angles(
            Wrap(next.A1), Wrap(next.A2), Math.Clamp(next.V1, -MaxVelocity1, MaxVelocity1),
            Math.Clamp(next.V2, -MaxVelocity2, MaxVelocity2));
        var terminated = -Math.Cos(_state.A1) - Math.Cos(_state.A2 + _state.A1) > 1.0;
        return new StepOutcome(terminated ? 0 : -1, terminated);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        observation[5] = (float)_state.V2;
        var (sin1, cos1) = Math.SinCos(_state.A1);
        var (sin2, cos2) = Math.SinCos(_state.A2);
        (observation[0], observation[1], observation[2], observation[3]) = ((float)cos1, (float)sin1, (float)cos2, (float)sin2);
        observation[4] = (float)_state.V1;
    }

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) => action.Length == 1 && (uint)action[0] < 3;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_state.A1);
        writer.Write(_state.A2);
        writer.Write(_state.V1);
        writer.Write(_state.V2);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) =>
        _state = new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());

    private double Draw() => (float)Random.Uniform(_options.Start.Low, _options.Start.High);

    // Squares go through the C library's pow, as NumPy's scalars do: x * x differs in the last bit once in a thousand times.
    // All masses, lengths and moments are 1, centres of mass at 0.5; the products keep the reference's order of operations.
    private Angles Derivative(in Angles s, double torque)
    {
        const double Length = 1.0, Center = 0.5, Inertia = 1.0, Mass = 1.0, Gravity = 9.8;
        var (sin2, cos2) = Math.SinCos(s.A2);
        var d1 = (Mass * (Center * Center)) + (Mass * ((Length * Length) + (Center * Center) + (2 * Length * Center * cos2))) + Inertia
            + Inertia;
        var d2 = (Mass * ((Center * Center) + (Length * Center * cos2))) + Inertia;
        var phi2 = Mass * Center * Gravity * Math.Cos(s.A1 + s.A2 - (Math.PI / 2.0));
        var phi1 = (-Mass * Length * Center * LibraryBits.Square(s.V2) * sin2)
            - (2 * Mass * Length * Center * s.V2 * s.V1 * sin2)
            + (((Mass * Center) + (Mass * Length)) * Gravity * Math.Cos(s.A1 - (Math.PI / 2)))
            + phi2;
        var push = torque + (d2 / d1 * phi1);
        if (!_options.PaperEquations) push -= Mass * Length * Center * LibraryBits.Square(s.V1) * sin2;
        var acceleration2 = (push - phi2) / ((Mass * (Center * Center)) + Inertia - (LibraryBits.Square(d2) / d1));
        var acceleration1 = -((d2 * acceleration2) + phi1) / d1;
        return new Angles(s.V1, s.V2, acceleration1, acceleration2);
    }

    private static double Wrap(double angle)
    {
        const double Turn = Math.PI - -Math.PI;
        while (angle > Math.PI) angle -= Turn;
        while (angle < -Math.PI) angle += Turn;
        return angle;
    }

    private readonly record struct Angles(double A1, double A2, double V1, double V2)
    {
        public Angles Plus(double step, in Angles slope)
            => new(A1 + (step * slope.A1), A2 + (step * slope.A2), V1 + (step * slope.V1), V2 + (step * slope.V2));
    }
}
