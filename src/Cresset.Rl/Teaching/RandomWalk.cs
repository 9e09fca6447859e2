namespace Cresset.Rl;

/// <summary>
/// A walk on a line: each step goes left or right with probability 1/2, the episode ends beyond either end (Sutton and Barto, examples 6.2
/// and 7.1). There is a single action; only the values matter.
/// </summary>
public sealed class RandomWalk : TableEnvironment
{
    /// <summary>A walk over <paramref name="states"/> states from the middle.</summary>
    /// <param name="states">Number of states, odd so that there is a middle.</param>
    /// <param name="leftReward">Reward for leaving on the left.</param>
    /// <param name="rightReward">Reward for leaving on the right.</param>
    /// <exception cref="ArgumentException"><paramref name="states"/> is not a positive odd number.</exception>
    public RandomWalk(int states = 19, double leftReward = -1, double rightReward = 1)
        : base(BuildTable(states, 1, leftReward, rightReward))
    {
    }

    private RandomWalk(TransitionTable model)
        : base(model)
    {
    }

    /// <summary>The walk of five states with reward 1 on the right (example 6.2).</summary>
    public static RandomWalk Five() => new(5, 0, 1);

    /// <summary>The walk of 1000 states with steps of up to 100 to either side (example 9.1).</summary>
    public static RandomWalk Thousand() => new(BuildTable(1000, 100, -1, 1));

    private static TransitionTable BuildTable(int states, int reach, double left, double right)
    {
        if (states < 1 || (reach == 1 && states % 2 == 0))
            throw new ArgumentException($"{states} states have no middle; give a positive odd number.", nameof(states));
        var table = new TransitionTableBuilder(states, 1).StartIn(reach == 1 ? states / 2 : (states / 2) - 1);
        for (var state = 0; state < states; state++)
        {
            double offLeft = 0, offRight = 0;
            for (var step = 1; step <= reach; step++)
            {
                if (state - step >= 0) table.Add(state, 0, 0.5 / reach, state - step, 0);
                else offLeft += 0.5 / reach;
                if (state + step < states) table.Add(state, 0, 0.5 / reach, state + step, 0);
                else offRight += 0.5 / reach;
            }
            if (offLeft > 0) table.Add(state, 0, offLeft, state, left, true);
            if (offRight > 0) table.Add(state, 0, offRight, state, right, true);
        }
        return table.Build();
    }
}
