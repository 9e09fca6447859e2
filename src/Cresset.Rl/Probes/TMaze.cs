using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// A corridor whose beginning shows which way to turn at its end (Bakker 2002): nothing on the way tells, so only who remembers does better
/// than chance. Observations:
/// the sign (1 left, -1 right, 0 out of sight), and whether this is the junction. Actions: 0 left, 1 right; they count at the junction
/// alone, where the right turn pays 1.
/// </summary>
/// <param name="length">Steps from the sign to the junction.</param>
public sealed class TMaze(int length = 6) : Environment<float, int>(new Box(-1, 1, 2), new Discrete(2)), IRenderable
{
    private int _place;
    private int _side;

    /// <inheritdoc/>
    public override int? MaxEpisodeSteps => length + 1;

    /// <inheritdoc/>
    public override double? RewardThreshold => 0.95;

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => new(0, 1);

    /// <inheritdoc/>
    public int FramesPerSecond => 3;

    /// <inheritdoc/>
    protected override void Begin() => (_place, _side) = (0, Random.NextInt32(2));

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        if (_place == length) return new StepOutcome(action[0] == _side ? 1 : 0, Terminated: true);
        _place++;
        return new StepOutcome(0, Terminated: false);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation)
    {
        observation[0] = _place > 0 ? 0 : _side == 0 ? 1 : -1;
        observation[1] = _place == length ? 1 : 0;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_place);
        writer.Write(_side);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (_place, _side) = (reader.ReadInt32(), reader.ReadInt32());
    }

    /// <inheritdoc/>
    public RgbImage Render()
    {
        const int cell = 16;
        var picture = new RgbImage((length + 3) * cell, 5 * cell, new Rgb(250, 250, 250));
        var canvas = new Canvas(picture);
        var floor = new Rgb(225, 225, 225);
        for (var i = 0; i <= length; i++) canvas.FillRectangle((1 + i) * cell, 2 * cell, cell - 1, cell - 1, floor);
        canvas.FillRectangle((1 + length) * cell, cell, cell - 1, cell - 1, _side == 0 ? new Rgb(120, 180, 120) : floor);
        canvas.FillRectangle((1 + length) * cell, 3 * cell, cell - 1, cell - 1, _side == 1 ? new Rgb(120, 180, 120) : floor);
        canvas.FillCircle(((1 + _place) * cell) + (cell / 2), (2 * cell) + (cell / 2), cell / 3.0, new Rgb(70, 110, 180));
        return picture;
    }
}

/// <summary>A corridor whose beginning shows which way to turn at its end: only who remembers does better than chance.</summary>
[Part("tmaze", "Bakker 2002")]
public sealed record TMazeSource : EnvironmentSource
{
    /// <summary>Steps from the sign to the junction.</summary>
    public int Length { get; init; } = 6;

    /// <inheritdoc/>
    public override string Name => "TMaze";

    /// <inheritdoc/>
    public override string Group => "memory, pictures, goals";

    /// <inheritdoc/>
    public override IEnvironment Make() => new TMaze(Length);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Within(Length, 1, 10_000)];
}
