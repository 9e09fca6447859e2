using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Scales every value of an observation to mean 0 and deviation 1 by moments that learn along, are shared by all copies, saved with the
/// policy and frozen when it plays.
/// </summary>
[Part("normalize-observation")]
public sealed record NormalizeObservationSource : WrapperSource
{
    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, int> e => new NormalizeObservation<int>(e),
        IEnvironment<float, float> e => new NormalizeObservation<float>(e),
        _ => throw Refuse(environment, "observations of numbers"),
    };
}

/// <summary>Maps observations linearly from their bounds to a range.</summary>
[Part("rescale-observation")]
public sealed record RescaleObservationSource : WrapperSource
{
    /// <summary>Low end.</summary>
    public float Low { get; init; } = -1;

    /// <summary>High end.</summary>
    public float High { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, int> e => new RescaleObservation<int>(e, Low, High),
        IEnvironment<float, float> e => new RescaleObservation<float>(e, Low, High),
        _ => throw Refuse(environment, "observations of numbers"),
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Must(float.IsFinite(Low) && float.IsFinite(High) && Low < High, Low, $"a number below high ({High})",
            field: nameof(Low));
}

/// <summary>Shows the last observations side by side, the newest last.</summary>
[Part("frame-stack", "Mnih et al. 2015")]
public sealed record FrameStackSource : WrapperSource
{
    /// <summary>Observations that are seen at once.</summary>
    public int Count { get; init; } = 4;

    /// <summary>Whether an episode begins with zeros; otherwise with copies of its first observation.</summary>
    public bool PadWithZeros { get; init; }

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => EnvironmentElements.Visit(environment, new Stack(this));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Count, 1, 1000);

    private sealed class Stack(FrameStackSource source) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new FrameStack<TObservation, TAction>(environment, source.Count, source.PadWithZeros);
    }
}

/// <summary>Shows every observation some steps late.</summary>
[Part("delay-observation")]
public sealed record DelayObservationSource : WrapperSource
{
    /// <summary>Steps of delay.</summary>
    public int Delay { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => EnvironmentElements.Visit(environment, new Late(Delay));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Delay, 0, 100_000);

    private sealed class Late(int delay) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new DelayObservation<TObservation, TAction>(environment, delay);
    }
}

/// <summary>Adds the step of the episode to the observation; stands directly around the time limit, first in the list.</summary>
[Part("time-aware-observation", "Pardo et al. 2018")]
public sealed record TimeAwareObservationSource : WrapperSource
{
    /// <summary>Whether the time runs from 0 to 1 instead of counting steps.</summary>
    public bool Normalize { get; init; } = true;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        TimeLimit<float, int> e => new TimeAwareObservation<int>(e, Normalize),
        TimeLimit<float, float> e => new TimeAwareObservation<float>(e, Normalize),
        _ => throw Refuse(environment,
            "observations of numbers and a time limit (max_episode_steps) directly inside it, so it must be the first of the wrappers"),
    };
}

/// <summary>Shows choices as one-hot rows of numbers, as networks take them.</summary>
[Part("flatten-observation")]
public sealed record FlattenObservationSource : WrapperSource
{
    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<int, int> e => new FlattenObservation<int>(e),
        IEnvironment<int, float> e => new FlattenObservation<float>(e),
        _ => throw Refuse(environment, "observations of choices"),
    };
}

/// <summary>Cuts a box of observations into equal bins and shows the number of the bin, as tables take it.</summary>
[Part("discretize-observation")]
public sealed record DiscretizeObservationSource : WrapperSource
{
    /// <summary>Bins of each dimension: one number for all, or one each.</summary>
    public IReadOnlyList<int> Bins { get; init; } = [10];

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, int> e => new DiscretizeObservation<int>(e, [.. Bins]),
        IEnvironment<float, float> e => new DiscretizeObservation<float>(e, [.. Bins]),
        _ => throw Refuse(environment, "observations of numbers"),
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Must(Bins.Count > 0 && Bins.All(b => b is >= 1 and <= 100_000), Bins, "bins from 1 to 100000",
            field: nameof(Bins));
}
