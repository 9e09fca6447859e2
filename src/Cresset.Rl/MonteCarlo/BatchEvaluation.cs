namespace Cresset.Rl;

/// <summary>
/// What TD(0) and Monte Carlo converge to when the same episodes are presented again and again (Sutton and Barto, section 6.3).
/// </summary>
internal static class BatchEvaluation
{
    /// <summary>Batch TD(0): the values of the process that the episodes most likely come from (certainty equivalence).</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="episodes">The episodes; actions are ignored.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="unseenValue">Value of states that were not visited.</param>
    public static double[] CertaintyEquivalence(int states, IEnumerable<IReadOnlyList<Transition>> episodes, double gamma,
        double unseenValue = 0)
    {
        Discount.Checked(gamma);
        var all = episodes.SelectMany(e => e).ToList();
        var visits = new int[states];
        foreach (var t in all) visits[t.State]++;
        var matrix = new double[states][];
        var right = new double[states];
        for (var s = 0; s < states; s++)
        {
            matrix[s] = new double[states];
            matrix[s][s] = 1;
            if (visits[s] == 0) right[s] = unseenValue;
        }
        foreach (var t in all)
        {
            right[t.State] += t.Reward / visits[t.State];
            if (!t.Terminated) matrix[t.State][t.NextState] -= gamma / visits[t.State];
        }
        return LinearSystem.Solve(matrix, right)
            ?? throw new InvalidOperationException("Some visited state never led to an end: with gamma 1 its value does not exist.");
    }

    /// <summary>Batch Monte Carlo: the mean return over every visit.</summary>
    public static double[] SampleMean(int states, IEnumerable<IReadOnlyList<Transition>> episodes, double gamma, double unseenValue = 0)
    {
        Discount.Checked(gamma);
        var sums = new double[states];
        var visits = new int[states];
        foreach (var episode in episodes)
        {
            var returns = MonteCarloPrediction.Returns([.. episode], gamma);
            for (var i = 0; i < returns.Length; i++)
            {
                sums[episode[i].State] += returns[i];
                visits[episode[i].State]++;
            }
        }
        return [.. sums.Select((sum, s) => visits[s] == 0 ? unseenValue : sum / visits[s])];
    }
}
