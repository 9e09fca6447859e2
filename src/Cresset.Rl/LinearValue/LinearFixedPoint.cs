namespace Cresset.Rl;

/// <summary>What linear methods converge to on a known model.</summary>
public static class LinearFixedPoint
{
    /// <summary>
    /// The TD fixed point: weights that solve Phi^T D (I - gamma P) Phi w = Phi^T D r, with D the distribution of states.
    /// </summary>
    /// <param name="model">The process.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="features">Features of each state, [states][features].</param>
    /// <param name="distribution">Weight of each state; the stationary distribution of the policy for on-policy learning.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <exception cref="InvalidOperationException">The features are linearly dependent on the states that count.</exception>
    public static double[] Td(TransitionTable model, TabularPolicy policy, IReadOnlyList<double[]> features,
        ReadOnlySpan<double> distribution, double gamma)
    {
        Discount.Checked(gamma);
        PolicyEvaluation.CheckPolicy(model, policy);
        Check(model, features, distribution);
        var basis = OrthonormalFeatures.Of(features, distribution)
            ?? throw new InvalidOperationException(
                "The features are linearly dependent on the states that count: there is no unique fixed point.");
        var n = features[0].Length;
        var matrix = new double[n][];
        for (var i = 0; i < n; i++) matrix[i] = new double[n];
        var right = new double[n];
        var expected = new double[n];
        for (var s = 0; s < model.StateCount; s++)
        {
            if (distribution[s] == 0) continue;
            Array.Clear(expected);
            var reward = 0.0;
            for (var a = 0; a < model.ActionCount; a++)
            {
                if (policy[s, a] == 0) continue;
                foreach (var o in model.Outcomes(s, a))
                {
                    reward += policy[s, a] * o.Probability * o.Reward;
                    if (!o.Terminated) LinearValueLearner.AddScaled(expected, policy[s, a] * o.Probability, basis.Rows[o.NextState]);
                }
            }
            for (var i = 0; i < n; i++)
            {
                var weight = distribution[s] * basis.Rows[s][i];
                right[i] += weight * reward;
                for (var j = 0; j < n; j++) matrix[i][j] += weight * (basis.Rows[s][j] - (gamma * expected[j]));
            }
        }
        return basis.ToRaw(LinearSystem.Solve(matrix, right)
            ?? throw new InvalidOperationException(
                "There is no unique fixed point: with this gamma and distribution the projected equation is singular."));
    }

    /// <summary>
    /// The weights whose values are nearest to <paramref name="values"/> in the squared distance weighted by
    /// <paramref name="distribution"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The features are linearly dependent on the states that count.</exception>
    public static double[] LeastSquares(IReadOnlyList<double[]> features, ReadOnlySpan<double> values, ReadOnlySpan<double> distribution)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (values.Length != features.Count)
            throw new ArgumentException($"{values.Length} values were given for {features.Count} rows of features.", nameof(values));
        if (distribution.Length != features.Count)
            throw new ArgumentException($"{distribution.Length} weights were given for {features.Count} rows of features.",
                nameof(distribution));
        var basis = OrthonormalFeatures.Of(features, distribution)
            ?? throw new InvalidOperationException("The features are linearly dependent on the states that count.");
        var weights = new double[features[0].Length];
        for (var s = 0; s < features.Count; s++) LinearValueLearner.AddScaled(weights, distribution[s] * values[s], basis.Rows[s]);
        return basis.ToRaw(weights);
    }

    /// <summary>The values of all states for given weights.</summary>
    public static double[] Values(IReadOnlyList<double[]> features, double[] weights) =>
        [.. features.Select(x => LinearValueLearner.Dot(weights, x))];

    private static void Check(TransitionTable model, IReadOnlyList<double[]> features, ReadOnlySpan<double> distribution)
    {
        if (features.Count != model.StateCount)
            throw new ArgumentException($"{features.Count} rows of features were given for {model.StateCount} states.", nameof(features));
        if (distribution.Length != model.StateCount)
            throw new ArgumentException($"{distribution.Length} weights were given for {model.StateCount} states.", nameof(distribution));
    }
}
