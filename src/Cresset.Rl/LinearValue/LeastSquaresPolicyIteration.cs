namespace Cresset.Rl;

/// <summary>A transition between feature vectors of state-action pairs.</summary>
/// <param name="Features">Features of the state and action.</param>
/// <param name="Reward">The reward.</param>
/// <param name="NextFeatures">Features of the next state with each action, [actions][features]; empty after the end.</param>
public readonly record struct FeatureTransition(double[] Features, double Reward, double[][] NextFeatures);

/// <summary>
/// Least-squares policy iteration (Lagoudakis and Parr 2003): from a fixed set of transitions solve for the action values of the greedy
/// policy, again and again until the weights stay.
/// </summary>
public static class LeastSquaresPolicyIteration
{
    /// <summary>Solves for the weights.</summary>
    /// <param name="transitions">The experience.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="maxRounds">Most policies.</param>
    /// <param name="tolerance">Stops when no weight changes by more.</param>
    /// <param name="ridge">Added to the diagonal of the matrix, as a share of the sum of each feature's squares: the same for features of
    /// any size.</param>
    /// <returns>The weights and the number of policies tried.</returns>
    /// <exception cref="ArgumentException">There are no transitions.</exception>
    public static (double[] Weights, int Rounds) Solve(IReadOnlyList<FeatureTransition> transitions, double gamma, int maxRounds = 50,
        double tolerance = 1e-8, double ridge = 1e-9)
    {
        Discount.Checked(gamma);
        if (transitions.Count == 0) throw new ArgumentException("There are no transitions to learn from.", nameof(transitions));
        var weights = new double[transitions[0].Features.Length];
        for (var round = 1; ; round++)
        {
            var learner = new LeastSquaresTd(weights.Length, gamma) { Ridge = ridge };
            foreach (var t in transitions)
            {
                learner.BeginEpisode();
                learner.Observe(t.Features, t.Reward, t.NextFeatures.Length == 0 ? [] : t.NextFeatures[Best(t.NextFeatures, weights)]);
            }
            var next = learner.Solve();
            var change = weights.Zip(next, (a, b) => Math.Abs(a - b)).Max();
            weights = next;
            if (change <= tolerance || round >= maxRounds) return (weights, round);
        }
    }

    private static int Best(double[][] features, double[] weights)
    {
        var values = Array.ConvertAll(features, x => LinearValueLearner.Dot(weights, x));
        return Greedy.FirstMax(values);
    }
}
