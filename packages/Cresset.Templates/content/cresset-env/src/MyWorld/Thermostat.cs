using Cresset.Numerics;
using Cresset.Rl;

namespace MyWorld;

/// <summary>A room that loses warmth to the weather; the heater is off, low or high, and heating costs.</summary>
/// <param name="target">Wanted temperature, in degrees.</param>
public sealed class Thermostat(double target) : Environment<float, int>(new Box(-2, 2, 2), new Discrete(3)), IRenderable
{
    private double _room, _outside;

    public override int? MaxEpisodeSteps => 96;

    public override ReturnRange ReturnRange => new(-96 * 20, 0);

    public int FramesPerSecond => 12;

    protected override void Begin() => (_room, _outside) = (Random.Uniform(12, 28), Random.Uniform(0, 15));

    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        _outside = Math.Clamp(_outside + Random.NextNormal(0, 0.5), -10, 25);
        _room += (0.1 * (_outside - _room)) + (1.5 * action[0]);
        return new StepOutcome(-Math.Abs(_room - target) - (0.1 * action[0]), Terminated: false);
    }

    protected override void Observe(Span<float> observation)
    {
        observation[0] = (float)Math.Clamp((_room - target) / 10, -2, 2);
        observation[1] = (float)Math.Clamp(_outside / 20, -2, 2);
    }

    // What an episode is made of: a run that was stopped goes on in the middle of one.
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_room);
        writer.Write(_outside);
    }

    protected override void LoadState(BinaryReader reader) => (_room, _outside) = (reader.ReadDouble(), reader.ReadDouble());

    public RgbImage Render()
    {
        var picture = new RgbImage(120, 160, new Rgb(250, 250, 250));
        var canvas = new Canvas(picture);
        canvas.FillRectangle(50, 150 - (4 * _room), 20, 4 * _room, new Rgb(200, 60, 40));
        canvas.Line(30, 150 - (4 * target), 90, 150 - (4 * target), new Rgb(60, 60, 60), 2);
        canvas.CenteredText(60, 14, $"{_room:0.0}", new Rgb(60, 60, 60));
        return picture;
    }
}

/// <summary>Keep a room warm while the weather changes and heating costs.</summary>
[Part("thermostat")]
public sealed record ThermostatSource : EnvironmentSource
{
    /// <summary>Wanted temperature, in degrees.</summary>
    public double Target { get; init; } = 21;

    public override IEnvironment Make() => new Thermostat(Target);

    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Within(Target, 5, 35)];
}
