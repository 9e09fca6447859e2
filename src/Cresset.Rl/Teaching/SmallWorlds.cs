namespace Cresset.Rl;

/// <summary>
/// Four states in a row, the last final; in the second the moves are swapped (Sutton and Barto, example 13.1): with all states looking
/// alike only a random policy does well. Actions: 0 left, 1 right; -1 a step.
/// </summary>
public sealed class ShortCorridor : TableEnvironment
{
    /// <summary>Makes the corridor.</summary>
    public ShortCorridor()
        : base(new TransitionTableBuilder(3, 2).StartIn(0)
            .Add(0, 0, 1, 0, -1).Add(0, 1, 1, 1, -1)
            .Add(1, 0, 1, 2, -1).Add(1, 1, 1, 0, -1)
            .Add(2, 0, 1, 1, -1).Add(2, 1, 1, 2, -1, true)
            .Build())
    {
    }
}

/// <summary>The grid of 4 by 4 with two final corners and -1 a step (example 4.1). Actions: 0 up, 1 down, 2 right, 3 left.</summary>
public sealed class CornerGrid : TableEnvironment
{
    private static readonly (int Row, int Column)[] Moves = [(-1, 0), (1, 0), (0, 1), (0, -1)];

    /// <summary>Makes the grid.</summary>
    public CornerGrid()
        : base(BuildTable())
    {
    }

    private static TransitionTable BuildTable()
    {
        var table = new TransitionTableBuilder(16, 4).StartUniformly([.. Enumerable.Range(1, 14)]);
        for (var state = 1; state < 15; state++)
        {
            for (var action = 0; action < 4; action++)
            {
                var next = (Math.Clamp((state / 4) + Moves[action].Row, 0, 3) * 4) + Math.Clamp((state % 4) + Moves[action].Column, 0, 3);
                table.Add(state, action, 1, next, -1, next is 0 or 15);
            }
        }
        return table.Build();
    }
}

/// <summary>
/// The grid of 5 by 5 with two cells that jump and pay (example 3.5): A gives 10, B gives 5, the border -1; it never ends. Actions: 0 up, 1
/// down, 2 right, 3 left.
/// </summary>
public sealed class JumpGrid : TableEnvironment
{
    private static readonly (int Row, int Column)[] Moves = [(-1, 0), (1, 0), (0, 1), (0, -1)];

    /// <summary>Makes the grid.</summary>
    public JumpGrid()
        : base(BuildTable())
    {
    }

    private static TransitionTable BuildTable()
    {
        var table = new TransitionTableBuilder(25, 4).StartUniformly([.. Enumerable.Range(0, 25)]);
        for (var state = 0; state < 25; state++)
        {
            for (var action = 0; action < 4; action++)
            {
                var (row, column) = ((state / 5) + Moves[action].Row, (state % 5) + Moves[action].Column);
                if (state == 1) table.Add(state, action, 1, 21, 10);
                else if (state == 3) table.Add(state, action, 1, 13, 5);
                else if ((uint)row >= 5 || (uint)column >= 5) table.Add(state, action, 1, state, -1);
                else table.Add(state, action, 1, (row * 5) + column, 0);
            }
        }
        return table.Build();
    }
}

/// <summary>
/// Accept or reject customers of four priorities for ten servers (example 10.2), a continuing task judged by the average reward.
/// State: free servers * 4 + priority (rewards 1, 2, 4, 8); actions: 0 reject, 1 accept; each busy server becomes free with probability
/// 0.06 a step.
/// </summary>
public sealed class AccessControl : TableEnvironment
{
    /// <summary>Makes the queue.</summary>
    public AccessControl(int servers = 10, double freeProbability = 0.06)
        : base(BuildTable(servers, freeProbability))
    {
    }

    private static TransitionTable BuildTable(int servers, double free)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(servers);
        if (free is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(free), free, "The probability must be in (0, 1).");
        var table = new TransitionTableBuilder((servers + 1) * 4, 2).StartUniformly([.. Enumerable.Range(servers * 4, 4)]);
        for (var idle = 0; idle <= servers; idle++)
        {
            for (var priority = 0; priority < 4; priority++)
            {
                Add(idle, priority, 0, idle, 0);
                // Without a free server an accepted customer is turned away.
                if (idle > 0) Add(idle, priority, 1, idle - 1, 1 << priority);
                else Add(idle, priority, 1, idle, 0);
            }
        }

        void Add(int idle, int priority, int action, int left, double reward)
        {
            var busy = servers - left;
            var chance = Math.Pow(1 - free, busy);
            for (var freed = 0; freed <= busy; freed++)
            {
                for (var next = 0; next < 4; next++)
                    table.Add((idle * 4) + priority, action, chance / 4, ((left + freed) * 4) + next, reward);
                chance *= (busy - freed) / (double)(freed + 1) * free / (1 - free);
            }
        }

        return table.Build();
    }
}
