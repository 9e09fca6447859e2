namespace Cresset.Rl;

/// <summary>
/// Learns weights w so that w . x(s) is the value of a state, from a stream of feature vectors. The semi-gradient update is
/// <c>w += alpha * (target - w . x) * x</c>: the table's update with the features as direction.
/// </summary>
public abstract class LinearValueLearner
{
    /// <summary>A learner of <paramref name="features"/> weights, all 0.</summary>
    protected LinearValueLearner(int features, double gamma)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        Weights = new double[features];
        Gamma = Discount.Checked(gamma);
    }

    /// <summary>The weights.</summary>
    public double[] Weights { get; protected set; }

    /// <summary>Discount factor.</summary>
    public double Gamma { get; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps { get; private set; }

    /// <summary>The value of a state with these features.</summary>
    public double Value(ReadOnlySpan<double> features) => Dot(Weights, features);

    /// <summary>Forgets the traces; call at the start of an episode.</summary>
    public virtual void BeginEpisode()
    {
    }

    /// <summary>Learns from a transition.</summary>
    /// <param name="features">Features of the state.</param>
    /// <param name="reward">Reward of the step.</param>
    /// <param name="nextFeatures">Features of the next state; empty after the end of the task.</param>
    /// <param name="ratio">Importance ratio of the action taken.</param>
    /// <exception cref="DivergenceException">A weight became infinite or not a number.</exception>
    public void Observe(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio = 1)
    {
        if (features.Length != Weights.Length)
            throw new ArgumentException($"{features.Length} features were given for {Weights.Length} weights.", nameof(features));
        Steps++;
        Learn(features, reward, nextFeatures, ratio);
        Divergence.Check(Dot(Weights, features), Steps, GetType().Name);
    }

    /// <summary>Applies one transition.</summary>
    protected abstract void Learn(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio);

    /// <summary>r + gamma w . x' - w . x.</summary>
    protected double Error(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures)
        => reward + (nextFeatures.IsEmpty ? 0 : Gamma * Dot(Weights, nextFeatures)) - Dot(Weights, features);

    /// <summary>Inner product.</summary>
    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < b.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>a += factor * b.</summary>
    internal static void AddScaled(Span<double> a, double factor, ReadOnlySpan<double> b)
    {
        for (var i = 0; i < b.Length; i++) a[i] += factor * b[i];
    }
}
