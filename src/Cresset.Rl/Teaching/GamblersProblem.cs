namespace Cresset.Rl;

/// <summary>
/// Bet on coin flips until the capital is 0 or the goal (Sutton and Barto, example 4.3). State: the capital; action a stakes a + 1, at most
/// the capital and what is missing; reward 1 for reaching the goal.
/// </summary>
public sealed class GamblersProblem : TableEnvironment
{
    /// <summary>Makes the game.</summary>
    /// <param name="headsProbability">Probability of winning a stake.</param>
    /// <param name="goal">Capital to reach.</param>
    public GamblersProblem(double headsProbability = 0.4, int goal = 100)
        : base(BuildTable(headsProbability, goal))
    {
    }

    private static TransitionTable BuildTable(double heads, int goal)
    {
        if (heads is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(heads), heads, "The probability of heads must be in (0, 1).");
        ArgumentOutOfRangeException.ThrowIfLessThan(goal, 2);
        var table = new TransitionTableBuilder(goal + 1, goal / 2).StartUniformly([.. Enumerable.Range(1, goal - 1)]);
        for (var capital = 1; capital < goal; capital++)
        {
            for (var stake = 1; stake <= Math.Min(capital, goal - capital); stake++)
            {
                var won = capital + stake == goal;
                table.Add(capital, stake - 1, heads, capital + stake, won ? 1 : 0, won);
                table.Add(capital, stake - 1, 1 - heads, capital - stake, 0, capital == stake);
            }
        }
        return table.Build();
    }
}
