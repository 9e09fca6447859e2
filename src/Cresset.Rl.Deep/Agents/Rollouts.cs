namespace Cresset.Rl.Deep;

/// <summary>Checks that agents share.</summary>
internal static class Rollouts
{
    /// <summary>Number of actions of environments that an agent with single choices can learn in.</summary>
    public static int ActionsOf(VectorEnvironment<float, int> environments)
    {
        if (environments.Autoreset != AutoresetMode.SameStep) throw new ArgumentException($"The environments reset in mode {environments.Autoreset}; agents need SameStep, which hands out the last observation of an episode.", nameof(environments));
        if (environments.SingleActionSpace is not Discrete { Start: 0 } actions) throw new ArgumentException($"The actions are {environments.SingleActionSpace}; needed is a single choice, Discrete(n) from 0. Wrap the environment (DiscretizeAction) to make its actions choices.", nameof(environments));
        return actions.Count;
    }

    public static void CheckRows(int values, int count, int observationSize, int room)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (values != count * observationSize) throw new ArgumentException($"{values} observation values were given; {count} rows of {observationSize} are {count * observationSize}.", nameof(values));
        if (room < count) throw new ArgumentException($"There is room for {room} results; {count} rows were given.", nameof(room));
    }
}
