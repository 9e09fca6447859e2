using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Cross slippery ice, 4 by 4.</summary>
[Part("frozenlake-v1", "Gymnasium", Aliases = ["frozenlake"])]
public sealed record FrozenLakeSource : EnvironmentSource
{
    /// <summary>100 steps.</summary>
    public FrozenLakeSource() => MaxEpisodeSteps = 100;

    /// <summary>Map, slipperiness and rewards.</summary>
    public FrozenLakeOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "FrozenLake-v1";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 0.7;

    /// <inheritdoc/>
    public override IEnvironment Make() => new FrozenLake(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Cross slippery ice, 8 by 8.</summary>
[Part("frozenlake8x8-v1", "Gymnasium", Aliases = ["frozenlake8x8"])]
public sealed record FrozenLake8Source : EnvironmentSource
{
    /// <summary>200 steps.</summary>
    public FrozenLake8Source() => MaxEpisodeSteps = 200;

    /// <summary>Map, slipperiness and rewards.</summary>
    public FrozenLakeOptions World { get; init; } = FrozenLakeOptions.Large;

    /// <inheritdoc/>
    public override string Name => "FrozenLake8x8-v1";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 0.85;

    /// <inheritdoc/>
    public override IEnvironment Make() => new FrozenLake(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Walk along a cliff.</summary>
[Part("cliffwalking-v1", "Sutton and Barto, example 6.6", Aliases = ["cliffwalking"])]
public sealed record CliffWalkingSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "CliffWalking-v1";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    public override IEnvironment Make() => new CliffWalking();
}

/// <summary>Walk along a slippery cliff.</summary>
[Part("cliffwalkingslippery-v1", "Gymnasium", Aliases = ["cliffwalkingslippery"])]
public sealed record SlipperyCliffSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "CliffWalkingSlippery-v1";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    public override IEnvironment Make() => new CliffWalking(isSlippery: true);
}

/// <summary>Pick up a passenger and deliver them.</summary>
[Part("taxi-v4", "Dietterich 2000", Aliases = ["taxi"])]
public sealed record TaxiSource : EnvironmentSource
{
    /// <summary>200 steps.</summary>
    public TaxiSource() => MaxEpisodeSteps = 200;

    /// <summary>Rain and fickle passengers.</summary>
    public TaxiOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "Taxi-v4";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 7.93;

    /// <inheritdoc/>
    public override IEnvironment Make() => new Taxi(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Blackjack by Sutton and Barto's rules.</summary>
[Part("blackjack-v1", "Sutton and Barto, example 5.1", Aliases = ["blackjack"])]
public sealed record BlackjackSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "Blackjack-v1";

    /// <inheritdoc/>
    public override string Group => "toy text";

    /// <inheritdoc/>
    public override IEnvironment Make() => new Blackjack();

    /// <inheritdoc/>
    public override TableEnvironment? CreateTable() => Wrappers.Count > 0 ? null : new TableEnvironment(BlackjackModel.Build());
}
