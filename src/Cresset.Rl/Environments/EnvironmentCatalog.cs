using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>An environment that can be made by name.</summary>
/// <param name="Name">The name, Gymnasium's where there is one.</param>
/// <param name="Group">Classic control, toy text, or teaching.</param>
/// <param name="Description">One line.</param>
/// <param name="MaxEpisodeSteps">Steps after which episodes are cut; null for none.</param>
/// <param name="RewardThreshold">Mean return at which it counts as solved; null where none is usual.</param>
/// <param name="Make">Makes the environment, without its time limit.</param>
public sealed record EnvironmentSpec(string Name, string Group, string Description, int? MaxEpisodeSteps, double? RewardThreshold, Func<IEnvironment> Make)
{
    /// <summary>Makes the environment with its time limit.</summary>
    /// <exception cref="ArgumentException">It has other observations or actions.</exception>
    public IEnvironment<TObservation, TAction> Create<TObservation, TAction>()
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        if (Make() is not IEnvironment<TObservation, TAction> environment) throw new ArgumentException($"{Name} does not have observations of {typeof(TObservation).Name} and actions of {typeof(TAction).Name}.");
        return MaxEpisodeSteps is { } limit ? new TimeLimit<TObservation, TAction>(environment, limit, RewardThreshold) : environment;
    }

    /// <summary>The environment as a sampled table with a known model (blackjack as its exact process); null when it has none.</summary>
    public TableEnvironment? CreateTable() => Make() switch
    {
        TableEnvironment table => table,
        Blackjack => new TableEnvironment(BlackjackModel.Build()),
        CarRental => new TableEnvironment(CarRental.BuildModel()),
        _ => null,
    };
}

/// <summary>All environments by name.</summary>
public static class EnvironmentCatalog
{
    /// <summary>Every environment.</summary>
    public static IReadOnlyList<EnvironmentSpec> All { get; } =
    [
        new("CartPole-v0", "classic control", "balance a pole on a cart, 200 steps", 200, 195, () => new CartPole()),
        new("CartPole-v1", "classic control", "balance a pole on a cart, 500 steps", 500, 475, () => new CartPole()),
        new("MountainCar-v0", "classic control", "swing an underpowered car out of a valley", 200, -110, () => new MountainCar()),
        new("MountainCarContinuous-v0", "classic control", "the same with a continuous force", 999, 90, () => new MountainCarContinuous()),
        new("Acrobot-v1", "classic control", "swing the tip of a double pendulum up", 500, -100, () => new Acrobot()),
        new("Pendulum-v1", "classic control", "swing a pendulum up and hold it", 200, null, () => new Pendulum()),
        new("FrozenLake-v1", "toy text", "cross slippery ice, 4 by 4", 100, 0.7, () => new FrozenLake()),
        new("FrozenLake8x8-v1", "toy text", "cross slippery ice, 8 by 8", 200, 0.85, () => new FrozenLake(FrozenLakeOptions.Large)),
        new("CliffWalking-v1", "toy text", "walk along a cliff", null, null, () => new CliffWalking()),
        new("CliffWalkingSlippery-v1", "toy text", "walk along a slippery cliff", null, null, () => new CliffWalking(isSlippery: true)),
        new("Taxi-v4", "toy text", "pick up a passenger and deliver them", 200, 7.93, () => new Taxi()),
        new("Blackjack-v1", "toy text", "blackjack by Sutton and Barto's rules", null, null, () => new Blackjack()),
        new("ZhaoGridWorld", "teaching", "the 5 by 5 grid of Zhao's book, forbidden cells cost 1", null, null, () => new ZhaoGridWorld()),
        new("ZhaoGridWorld-harsh", "teaching", "the same, forbidden cells cost 10", null, null, () => new ZhaoGridWorld(ZhaoGridWorldOptions.HarshForbidden)),
        new("ZhaoGridWorld-target", "teaching", "the same from the corner to the target", null, null, () => new ZhaoGridWorld(ZhaoGridWorldOptions.StartToTarget)),
        new("RandomWalk19", "teaching", "a walk over 19 states", null, null, () => new RandomWalk()),
        new("RandomWalk5", "teaching", "a walk over 5 states", null, null, () => RandomWalk.Five()),
        new("RandomWalk1000", "teaching", "a walk over 1000 states", null, null, () => RandomWalk.Thousand()),
        new("DynaMaze", "teaching", "the maze of 6 by 9", null, null, Maze.Dyna),
        new("BlockingMaze", "teaching", "a maze whose wall moves after 1000 steps", null, null, ChangingWorld.BlockingMaze),
        new("ShortcutMaze", "teaching", "a maze that gets a shortcut after 3000 steps", null, null, ChangingWorld.ShortcutMaze),
        new("WindyGrid", "teaching", "a grid with wind", null, null, () => Maze.Windy()),
        new("WindyGrid-king", "teaching", "the same with king's moves", null, null, () => Maze.Windy(8)),
        new("Gambler", "teaching", "bet on coin flips up to 100", null, null, () => new GamblersProblem()),
        new("CarRental", "teaching", "Jack's car rental", null, null, () => new CarRental()),
        new("ShortCorridor", "teaching", "a corridor with swapped moves", null, null, () => new ShortCorridor()),
        new("CornerGrid", "teaching", "a grid of 4 by 4 with two final corners", null, null, () => new CornerGrid()),
        new("JumpGrid", "teaching", "a grid of 5 by 5 with two jumps", null, null, () => new JumpGrid()),
        new("AccessControl", "teaching", "a queue with priorities", null, null, () => new AccessControl()),
        new("MaximizationBias", "teaching", "two states that fool greedy estimates", null, null, () => new MaximizationBias()),
        new("SuttonMountainCar", "teaching", "the mountain car of the book", 10_000, null, () => new SuttonMountainCar()),
    ];

    /// <summary>The environment called <paramref name="name"/> (version suffixes such as -v1 may be left out).</summary>
    /// <exception cref="ArgumentException">There is no such environment; the message suggests a name.</exception>
    public static EnvironmentSpec Find(string name)
        => All.LastOrDefault(s => string.Equals(s.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? All.LastOrDefault(s => s.Name.Split("-v")[0].Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no environment '{name}'.{NearestName.Suggest(name, All.Select(s => s.Name))} See the list of environments.", nameof(name));
}
