using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>The 5 by 5 grid of Zhao's book, forbidden cells cost 1.</summary>
[Part("zhaogridworld", "Zhao")]
public sealed record ZhaoGridSource : EnvironmentSource
{
    /// <summary>Cells and rewards.</summary>
    public ZhaoGridWorldOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "ZhaoGridWorld";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new ZhaoGridWorld(World);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>The 5 by 5 grid of Zhao's book, forbidden cells cost 10.</summary>
[Part("zhaogridworld-harsh", "Zhao")]
public sealed record ZhaoHarshGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "ZhaoGridWorld-harsh";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new ZhaoGridWorld(ZhaoGridWorldOptions.HarshForbidden);
}

/// <summary>The 5 by 5 grid of Zhao's book from the corner to the target.</summary>
[Part("zhaogridworld-target", "Zhao")]
public sealed record ZhaoTargetGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "ZhaoGridWorld-target";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new ZhaoGridWorld(ZhaoGridWorldOptions.StartToTarget);
}

/// <summary>A walk over 19 states.</summary>
[Part("randomwalk19", "Sutton and Barto, example 7.1")]
public sealed record RandomWalk19Source : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "RandomWalk19";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new RandomWalk();
}

/// <summary>A walk over 5 states.</summary>
[Part("randomwalk5", "Sutton and Barto, example 6.2")]
public sealed record RandomWalk5Source : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "RandomWalk5";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => RandomWalk.Five();
}

/// <summary>A walk over 1000 states.</summary>
[Part("randomwalk1000", "Sutton and Barto, example 9.1")]
public sealed record RandomWalk1000Source : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "RandomWalk1000";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => RandomWalk.Thousand();
}

/// <summary>The maze of 6 by 9.</summary>
[Part("dynamaze", "Sutton and Barto, example 8.1")]
public sealed record DynaMazeSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "DynaMaze";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => Maze.Dyna();
}

/// <summary>A maze whose wall moves after 1000 steps.</summary>
[Part("blockingmaze", "Sutton and Barto, example 8.2")]
public sealed record BlockingMazeSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "BlockingMaze";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => ChangingWorld.BlockingMaze();
}

/// <summary>A maze that gets a shortcut after 3000 steps.</summary>
[Part("shortcutmaze", "Sutton and Barto, example 8.3")]
public sealed record ShortcutMazeSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "ShortcutMaze";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => ChangingWorld.ShortcutMaze();
}

/// <summary>A grid with wind.</summary>
[Part("windygrid", "Sutton and Barto, example 6.5")]
public sealed record WindyGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "WindyGrid";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => Maze.Windy();
}

/// <summary>A grid with wind and king's moves.</summary>
[Part("windygrid-king", "Sutton and Barto, exercise 6.9")]
public sealed record WindyKingGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "WindyGrid-king";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => Maze.Windy(8);
}

/// <summary>Bet on coin flips up to 100.</summary>
[Part("gambler", "Sutton and Barto, example 4.3")]
public sealed record GamblerSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "Gambler";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new GamblersProblem();
}

/// <summary>Jack's car rental.</summary>
[Part("carrental", "Sutton and Barto, example 4.2")]
public sealed record CarRentalSource : EnvironmentSource
{
    /// <summary>Capacities, requests, costs.</summary>
    public CarRentalOptions World { get; init; } = new();

    /// <inheritdoc/>
    public override string Name => "CarRental";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new CarRental(World);

    /// <inheritdoc/>
    public override TableEnvironment? CreateTable() => Wrappers.Count > 0 ? null : new TableEnvironment(CarRental.BuildModel(World));

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Nested(World)];
}

/// <summary>A corridor with swapped moves.</summary>
[Part("shortcorridor", "Sutton and Barto, example 13.1")]
public sealed record ShortCorridorSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "ShortCorridor";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new ShortCorridor();
}

/// <summary>A grid of 4 by 4 with two final corners.</summary>
[Part("cornergrid", "Sutton and Barto, example 4.1")]
public sealed record CornerGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "CornerGrid";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new CornerGrid();
}

/// <summary>A grid of 5 by 5 with two jumps.</summary>
[Part("jumpgrid", "Sutton and Barto, example 3.5")]
public sealed record JumpGridSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "JumpGrid";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new JumpGrid();
}

/// <summary>A queue with priorities.</summary>
[Part("accesscontrol", "Sutton and Barto, example 10.2")]
public sealed record AccessControlSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "AccessControl";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new AccessControl();
}

/// <summary>Two states that fool greedy estimates.</summary>
[Part("maximizationbias", "Sutton and Barto, example 6.7")]
public sealed record MaximizationBiasSource : EnvironmentSource
{
    /// <inheritdoc/>
    public override string Name => "MaximizationBias";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new MaximizationBias();
}

/// <summary>The mountain car of the book.</summary>
[Part("suttonmountaincar", "Sutton and Barto, example 10.1")]
public sealed record SuttonMountainCarSource : EnvironmentSource
{
    /// <summary>10000 steps.</summary>
    public SuttonMountainCarSource() => MaxEpisodeSteps = 10000;

    /// <inheritdoc/>
    public override string Name => "SuttonMountainCar";

    /// <inheritdoc/>
    public override string Group => "teaching";

    /// <inheritdoc/>
    public override IEnvironment Make() => new SuttonMountainCar();
}
