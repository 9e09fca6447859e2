using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Offers actions in a range and maps them to the bounds of the environment.</summary>
[Part("rescale-action")]
public sealed record RescaleActionSource : WrapperSource
{
    /// <summary>Low end.</summary>
    public float Low { get; init; } = -1;

    /// <summary>High end.</summary>
    public float High { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, float> e => new RescaleAction<float>(e, Low, High),
        IEnvironment<int, float> e => new RescaleAction<int>(e, Low, High),
        _ => throw Refuse(environment, "continuous actions"),
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Must(float.IsFinite(Low) && float.IsFinite(High) && Low < High, Low, $"a number below high ({High})",
            field: nameof(Low));
}

/// <summary>Clips continuous actions to the bounds of the environment.</summary>
[Part("clip-action")]
public sealed record ClipActionSource : WrapperSource
{
    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, float> e => new ClipAction<float>(e),
        IEnvironment<int, float> e => new ClipAction<int>(e),
        _ => throw Refuse(environment, "continuous actions"),
    };
}

/// <summary>Offers the centres of equal bins of a box of actions as choices.</summary>
[Part("discretize-action")]
public sealed record DiscretizeActionSource : WrapperSource
{
    /// <summary>Bins of each dimension: one number for all, or one each.</summary>
    public IReadOnlyList<int> Bins { get; init; } = [5];

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, float> e => new DiscretizeAction<float>(e, [.. Bins]),
        IEnvironment<int, float> e => new DiscretizeAction<int>(e, [.. Bins]),
        _ => throw Refuse(environment, "continuous actions"),
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Must(Bins.Count > 0 && Bins.All(b => b is >= 1 and <= 100_000), Bins, "bins from 1 to 100000",
            field: nameof(Bins));
}

/// <summary>Repeats the last action instead of the new one with some probability.</summary>
[Part("sticky-action", "Machado et al. 2018")]
public sealed record StickyActionSource : WrapperSource
{
    /// <summary>Probability that the last action is taken again.</summary>
    public double Probability { get; init; } = 0.25;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => EnvironmentElements.Visit(environment, new Sticky(Probability));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Must(Probability is >= 0 and < 1, Probability, "in [0, 1)");

    private sealed class Sticky(double probability) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new StickyAction<TObservation, TAction>(environment, probability);
    }
}

/// <summary>Takes each action several times and adds up the rewards.</summary>
[Part("repeat-action", "Mnih et al. 2015")]
public sealed record RepeatActionSource : WrapperSource
{
    /// <summary>How often each action is taken.</summary>
    public int Count { get; init; } = 4;

    /// <summary>Shows, value by value, the larger of the last two observations (for flickering screens).</summary>
    public bool MaxOfLastTwo { get; init; }

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => environment switch
    {
        IEnvironment<float, int> e => new RepeatAction<int>(e, Count, MaxOfLastTwo),
        IEnvironment<float, float> e => new RepeatAction<float>(e, Count, MaxOfLastTwo),
        _ => throw Refuse(environment, "observations of numbers"),
    };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Count, MaxOfLastTwo ? 2 : 1, 1000);
}

/// <summary>Divides rewards by the running deviation of the discounted return; evaluations see the rewards as they are.</summary>
[Part("normalize-reward")]
public sealed record NormalizeRewardSource : WrapperSource
{
    /// <summary>Discount factor of the return, that of the agent.</summary>
    public double Gamma { get; init; } = 0.99;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => EnvironmentElements.Visit(environment, new Normalize(Gamma));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Gamma, 0, 1);

    private sealed class Normalize(double gamma) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new NormalizeReward<TObservation, TAction>(environment, gamma);
    }
}

/// <summary>Clips every reward to a range.</summary>
[Part("clip-reward", "Mnih et al. 2015")]
public sealed record ClipRewardSource : WrapperSource
{
    /// <summary>Smallest reward; null for no lower end.</summary>
    public double? Low { get; init; } = -1;

    /// <summary>Largest reward; null for no upper end.</summary>
    public double? High { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnvironment Wrap(IEnvironment environment) => EnvironmentElements.Visit(environment, new Clip(Low, High));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must((Low ?? High) is not null && !double.IsNaN(Low ?? 0) && !double.IsNaN(High ?? 0) && !(Low > High), Low,
            $"a number not above high ({High}), or one of them null", field: nameof(Low));

    private sealed class Clip(double? low, double? high) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new ClipReward<TObservation, TAction>(environment, low, high);
    }
}
