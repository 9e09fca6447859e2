using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// A point in a square that is pushed towards a goal: -1 a step, 0 within the reach of it. Goals for continuous actions. Observations:
/// where the point is, where it shall be.
/// Actions: the push, in [-1, 1] each way.
/// </summary>
/// <param name="reach">How near counts as there.</param>
public sealed class PointGoal(double reach = 0.1)
    : Environment<float, float>(new Box(-1, 1, 4), new Box(-1, 1, 2)), IGoalEnvironment, IRenderable
{
    private readonly float[] _seen = new float[4];

    /// <inheritdoc/>
    public override int? MaxEpisodeSteps => 50;

    /// <inheritdoc/>
    public override ReturnRange ReturnRange => new(-50, 0);

    /// <inheritdoc/>
    public int FramesPerSecond => 12;

    /// <inheritdoc/>
    public GoalPlaces GoalPlaces => new(0, 2, 2);

    /// <inheritdoc/>
    public StepOutcome Judge(ReadOnlySpan<float> achieved, ReadOnlySpan<float> wanted)
    {
        var (x, y) = ((double)achieved[0] - wanted[0], (double)achieved[1] - wanted[1]);
        var isThere = (x * x) + (y * y) <= reach * reach;
        return new StepOutcome(isThere ? 0 : -1, isThere);
    }

    /// <inheritdoc/>
    protected override void Begin()
    {
        do
        {
            foreach (ref var value in _seen.AsSpan()) value = (float)Random.Uniform(-1, 1);
        }
        while (Judge(_seen.AsSpan(0, 2), _seen.AsSpan(2)).Terminated);
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<float> action)
    {
        for (var i = 0; i < 2; i++) _seen[i] = Math.Clamp(_seen[i] + (0.15f * action[i]), -1, 1);
        return Judge(_seen.AsSpan(0, 2), _seen.AsSpan(2));
    }

    /// <inheritdoc/>
    protected override void Observe(Span<float> observation) => _seen.CopyTo(observation);

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var value in _seen) writer.Write(value);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        foreach (ref var value in _seen.AsSpan()) value = reader.ReadSingle();
    }

    /// <inheritdoc/>
    public RgbImage Render()
    {
        const double half = 80;
        var canvas = new Canvas(new RgbImage(160, 160, new Rgb(250, 250, 250)));
        canvas.FillCircle(half + (half * _seen[2]), half - (half * _seen[3]), Math.Max(2, half * reach), new Rgb(120, 180, 120));
        canvas.FillCircle(half + (half * _seen[0]), half - (half * _seen[1]), 4, new Rgb(70, 110, 180));
        return canvas.Image;
    }
}

/// <summary>A point to be pushed to a goal: a world with goals for continuous actions.</summary>
[Part("pointgoal")]
public sealed record PointGoalSource : EnvironmentSource
{
    /// <summary>How near counts as there.</summary>
    public double Reach { get; init; } = 0.1;

    /// <inheritdoc/>
    public override string Name => "PointGoal";

    /// <inheritdoc/>
    public override string Group => "memory, pictures, goals";

    /// <inheritdoc/>
    public override IEnvironment Make() => new PointGoal(Reach);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        [.. base.Validate(), .. new OptionChecks().Within(Reach, 0, 1, includeMin: false)];
}
