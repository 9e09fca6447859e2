namespace Cresset.Rl;

/// <summary>Bellman's equations on a transition table: action values, greedy actions, residuals.</summary>
public static class Bellman
{
    /// <summary>
    /// q(s, a) for the values <paramref name="values"/>, [states, actions]; negative infinity where an action is not available.
    /// </summary>
    public static double[] ActionValues(TransitionTable model, ReadOnlySpan<double> values, double gamma)
    {
        Discount.Checked(gamma);
        CheckValues(model, values);
        var q = new double[model.StateCount * model.ActionCount];
        for (var s = 0; s < model.StateCount; s++)
        {
            for (var a = 0; a < model.ActionCount; a++)
            {
                q[(s * model.ActionCount) + a] = model.IsAvailable(s, a) ? model.ActionValue(s, a, values, gamma) : double.NegativeInfinity;
            }
        }
        return q;
    }

    /// <summary>A greedy action for each state, -1 where there is none.</summary>
    /// <param name="model">The process.</param>
    /// <param name="values">State values.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="tolerance">Values this close are equal; the lowest index then wins.</param>
    public static int[] GreedyActions(TransitionTable model, ReadOnlySpan<double> values, double gamma, double tolerance = 1e-11)
    {
        var actions = new int[model.StateCount];
        for (var s = 0; s < actions.Length; s++) actions[s] = GreedyAction(model, s, values, gamma, tolerance);
        return actions;
    }

    /// <summary>All actions of each state whose value is within <paramref name="tolerance"/> of the best.</summary>
    public static int[][] OptimalActions(TransitionTable model, ReadOnlySpan<double> values, double gamma, double tolerance = 1e-9)
    {
        var q = ActionValues(model, values, gamma);
        var sets = new int[model.StateCount][];
        for (var s = 0; s < sets.Length; s++)
        {
            var row = q.AsSpan(s * model.ActionCount, model.ActionCount).ToArray();
            var best = row.Max();
            sets[s] = [.. Enumerable.Range(0, row.Length).Where(a => double.IsFinite(row[a]) && row[a] >= best - tolerance)];
        }
        return sets;
    }

    /// <summary>Largest difference between a value and its right side in Bellman's optimality equation.</summary>
    public static double OptimalityResidual(TransitionTable model, ReadOnlySpan<double> values, double gamma)
    {
        Discount.Checked(gamma);
        CheckValues(model, values);
        var worst = 0.0;
        for (var s = 0; s < model.StateCount; s++) worst = Math.Max(worst, Math.Abs(Backup(model, s, values, gamma) - values[s]));
        return worst;
    }

    /// <summary>Largest difference between a value and its right side in the Bellman equation of <paramref name="policy"/>.</summary>
    public static double PolicyResidual(TransitionTable model, TabularPolicy policy, ReadOnlySpan<double> values, double gamma)
    {
        Discount.Checked(gamma);
        CheckValues(model, values);
        var worst = 0.0;
        for (var s = 0; s < model.StateCount; s++) worst = Math.Max(worst, Math.Abs(Backup(model, policy, s, values, gamma) - values[s]));
        return worst;
    }

    /// <summary>Largest action value of a state; 0 when it is absorbing.</summary>
    internal static double Backup(TransitionTable model, int state, ReadOnlySpan<double> values, double gamma)
    {
        var offsets = model.Offsets;
        var probabilities = model.Probabilities;
        var next = model.NextStates;
        var rewards = model.Rewards;
        var terminated = model.Terminated;
        var best = double.NegativeInfinity;
        var row = state * model.ActionCount;
        for (var a = 0; a < model.ActionCount; a++)
        {
            var (i, end) = (offsets[row + a], offsets[row + a + 1]);
            if (i == end) continue;
            var sum = 0.0;
            for (; i < end; i++) sum += probabilities[i] * (terminated[i] ? rewards[i] : rewards[i] + (gamma * values[next[i]]));
            if (sum > best) best = sum;
        }
        return double.IsNegativeInfinity(best) ? 0 : best;
    }

    /// <summary>Value of a state under a policy by one backup.</summary>
    internal static double Backup(TransitionTable model, TabularPolicy policy, int state, ReadOnlySpan<double> values, double gamma)
    {
        var sum = 0.0;
        for (var a = 0; a < model.ActionCount; a++)
        {
            if (policy[state, a] > 0) sum += policy[state, a] * model.ActionValue(state, a, values, gamma);
        }
        return sum;
    }

    internal static int GreedyAction(TransitionTable model, int state, ReadOnlySpan<double> values, double gamma, double tolerance,
        int preferred = -1)
    {
        var best = -1;
        var bestValue = double.NegativeInfinity;
        for (var a = 0; a < model.ActionCount; a++)
        {
            if (!model.IsAvailable(state, a)) continue;
            var value = model.ActionValue(state, a, values, gamma);
            if (value > bestValue + tolerance || best < 0) (best, bestValue) = (a, value);
        }
        if (preferred < 0 || best < 0 || !model.IsAvailable(state, preferred)) return best;
        return model.ActionValue(state, preferred, values, gamma) >= bestValue - tolerance ? preferred : best;
    }

    internal static void CheckValues(TransitionTable model, ReadOnlySpan<double> values)
    {
        if (values.Length != model.StateCount)
            throw new ArgumentException($"{values.Length} values were given for {model.StateCount} states.", nameof(values));
    }
}
