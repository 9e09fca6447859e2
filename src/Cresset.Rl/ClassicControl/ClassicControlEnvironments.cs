using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Balance a pole on a cart, 200 steps.</summary>
[Part("cartpole-v0", "Barto, Sutton and Anderson 1983")]
public sealed record CartPoleV0Source : EnvironmentSource
{
    /// <summary>200 steps.</summary>
    public CartPoleV0Source() => MaxEpisodeSteps = 200;

    /// <summary>Reward, integrator, start.</summary>
    public CartPoleOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "CartPole-v0";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 195;

    /// <inheritdoc/>
    public override IEnvironment Make() => new CartPole(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Balance a pole on a cart, 500 steps.</summary>
[Part("cartpole-v1", "Barto, Sutton and Anderson 1983", Aliases = ["cartpole"])]
public sealed record CartPoleSource : EnvironmentSource
{
    /// <summary>500 steps.</summary>
    public CartPoleSource() => MaxEpisodeSteps = 500;

    /// <summary>Reward, integrator, start.</summary>
    public CartPoleOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "CartPole-v1";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 475;

    /// <inheritdoc/>
    public override IEnvironment Make() => new CartPole(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Swing an underpowered car out of a valley.</summary>
[Part("mountaincar-v0", "Moore 1990", Aliases = ["mountaincar"])]
public sealed record MountainCarSource : EnvironmentSource
{
    /// <summary>200 steps.</summary>
    public MountainCarSource() => MaxEpisodeSteps = 200;

    /// <inheritdoc/>
    public override string Name => "MountainCar-v0";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => -110;

    /// <inheritdoc/>
    public override IEnvironment Make() => new MountainCar();
}

/// <summary>Swing an underpowered car out of a valley with a continuous force.</summary>
[Part("mountaincarcontinuous-v0", "Moore 1990", Aliases = ["mountaincarcontinuous"])]
public sealed record MountainCarContinuousSource : EnvironmentSource
{
    /// <summary>999 steps.</summary>
    public MountainCarContinuousSource() => MaxEpisodeSteps = 999;

    /// <inheritdoc/>
    public override string Name => "MountainCarContinuous-v0";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => 90;

    /// <inheritdoc/>
    public override IEnvironment Make() => new MountainCarContinuous();
}

/// <summary>Swing the tip of a double pendulum up.</summary>
[Part("acrobot-v1", "Sutton 1996", Aliases = ["acrobot"])]
public sealed record AcrobotSource : EnvironmentSource
{
    /// <summary>500 steps.</summary>
    public AcrobotSource() => MaxEpisodeSteps = 500;

    /// <summary>Equations, noise, start.</summary>
    public AcrobotOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "Acrobot-v1";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    protected internal override double? SolvedAt => -100;

    /// <inheritdoc/>
    public override IEnvironment Make() => new Acrobot(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>Swing a pendulum up and hold it.</summary>
[Part("pendulum-v1", "Gymnasium", Aliases = ["pendulum"])]
public sealed record PendulumSource : EnvironmentSource
{
    /// <summary>200 steps.</summary>
    public PendulumSource() => MaxEpisodeSteps = 200;

    /// <summary>Gravity and start.</summary>
    public PendulumOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "Pendulum-v1";

    /// <inheritdoc/>
    public override string Group => "classic control";

    /// <inheritdoc/>
    public override IEnvironment Make() => new Pendulum(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}
