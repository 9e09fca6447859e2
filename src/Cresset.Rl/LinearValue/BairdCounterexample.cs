using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Baird's counterexample (1995; Sutton and Barto, section 11.2): seven states, eight weights, all rewards 0, gamma 0.99. The behaviour
/// goes to each state with probability 1/7, the policy always to the seventh: semi-gradient TD diverges (the deadly triad of bootstrapping,
/// off-policy learning and function approximation), gradient-TD and emphatic methods do not.
/// </summary>
public static class BairdCounterexample
{
    /// <summary>Number of states.</summary>
    public const int StateCount = 7;

    /// <summary>Discount factor.</summary>
    public const double Gamma = 0.99;

    /// <summary>Features of each state, [7][8].</summary>
    public static IReadOnlyList<double[]> Features { get; } = MakeFeatures();

    /// <summary>The usual start of the weights: all 1, the seventh 10.</summary>
    public static double[] InitialWeights() => [1, 1, 1, 1, 1, 1, 10, 1];

    /// <summary>Draws where the behaviour goes from any state, and the importance ratio of doing so.</summary>
    public static (int NextState, double Ratio) Sample(RandomStream random)
    {
        // The dashed action leads to one of the first six states and is never taken by the policy.
        var next = random.NextInt32(StateCount);
        return next == 6 ? (6, 7) : (next, 0);
    }

    /// <summary>
    /// Runs a learner on <paramref name="steps"/> sampled transitions from a random state; <paramref name="onStep"/> sees the weights.
    /// </summary>
    public static void Run(LinearValueLearner learner, int steps, RandomStream random, Action<int, double[]>? onStep = null)
    {
        InitialWeights().CopyTo(learner.Weights, 0);
        var state = random.NextInt32(StateCount);
        for (var step = 1; step <= steps; step++)
        {
            var (next, ratio) = Sample(random);
            learner.Observe(Features[state], 0, Features[next], ratio);
            onStep?.Invoke(step, learner.Weights);
            state = next;
        }
    }

    /// <summary>Root of the mean square of the values (the true ones are 0), all states counting alike.</summary>
    public static double ValueError(ReadOnlySpan<double> weights)
    {
        var sum = 0.0;
        foreach (var x in Features) sum += Math.Pow(LinearValueLearner.Dot(weights, x), 2);
        return Math.Sqrt(sum / StateCount);
    }

    /// <summary>Root of the mean square of the Bellman errors; the features span all states, so it is the projected error too.</summary>
    public static double BellmanError(ReadOnlySpan<double> weights)
    {
        var sum = 0.0;
        foreach (var x in Features)
            sum += Math.Pow((Gamma * LinearValueLearner.Dot(weights, Features[6])) - LinearValueLearner.Dot(weights, x), 2);
        return Math.Sqrt(sum / StateCount);
    }

    /// <summary>One sweep of semi-gradient dynamic programming: w += alpha/7 sum_s (gamma v(7) - v(s)) x(s).</summary>
    public static void DynamicProgrammingSweep(double[] weights, double alpha)
    {
        var update = new double[8];
        foreach (var x in Features) LinearValueLearner.AddScaled(update, Error(weights, x), x);
        LinearValueLearner.AddScaled(weights, alpha / StateCount, update);
    }

    /// <summary>One sweep of the expected TDC update (weights and auxiliary weights together).</summary>
    public static void ExpectedTdcSweep(double[] weights, double[] auxiliary, double alpha, double beta)
    {
        var (update, auxiliaryUpdate) = (new double[8], new double[8]);
        foreach (var x in Features)
        {
            var error = Error(weights, x);
            var expected = LinearValueLearner.Dot(auxiliary, x);
            LinearValueLearner.AddScaled(update, error, x);
            LinearValueLearner.AddScaled(update, -Gamma * expected, Features[6]);
            LinearValueLearner.AddScaled(auxiliaryUpdate, error - expected, x);
        }
        LinearValueLearner.AddScaled(weights, alpha / StateCount, update);
        LinearValueLearner.AddScaled(auxiliary, beta / StateCount, auxiliaryUpdate);
    }

    /// <summary>One sweep of the expected emphatic TD update; returns the next mean emphasis (start with 0).</summary>
    public static double ExpectedEmphaticSweep(double[] weights, double emphasis, double alpha)
    {
        var update = new double[8];
        var total = 0.0;
        for (var s = 0; s < StateCount; s++)
        {
            // Only the seventh state can follow an action of the policy, whose ratio was 7.
            var own = ((s == 6 ? 7 : 0) * Gamma * emphasis) + 1;
            total += own;
            LinearValueLearner.AddScaled(update, own * Error(weights, Features[s]), Features[s]);
        }
        LinearValueLearner.AddScaled(weights, alpha / StateCount, update);
        return total / StateCount;
    }

    private static double Error(double[] weights, double[] x)
        => (Gamma * LinearValueLearner.Dot(weights, Features[6])) - LinearValueLearner.Dot(weights, x);

    private static double[][] MakeFeatures()
    {
        var rows = new double[StateCount][];
        for (var s = 0; s < 6; s++)
        {
            rows[s] = new double[8];
            rows[s][s] = 2;
            rows[s][7] = 1;
        }
        rows[6] = [0, 0, 0, 0, 0, 0, 1, 2];
        return rows;
    }
}
