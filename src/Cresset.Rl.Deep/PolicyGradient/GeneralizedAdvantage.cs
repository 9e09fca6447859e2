using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Generalized advantage estimation (Schulman et al. 2016): exponentially weighted sums of temporal-difference errors.</summary>
public static class GeneralizedAdvantage
{
    /// <summary>Advantages and returns of one stretch of steps in time. All spans have one entry per step.</summary>
    /// <param name="rewards">Rewards.</param>
    /// <param name="values">Value of the state that each step began in.</param>
    /// <param name="nextValues">Value of the state that each step led to (of the last observation where the episode was cut; read unless
    /// terminated).</param>
    /// <param name="terminated">Whether the task ended: nothing follows.</param>
    /// <param name="truncated">Whether the episode was cut: its value counts, but the next step belongs to another episode.</param>
    /// <param name="gamma">Discount in [0, 1].</param>
    /// <param name="lambda">0 for one-step errors, 1 for whole returns minus values.</param>
    /// <param name="advantages">Receives the advantages.</param>
    /// <param name="returns">Receives advantage plus value, what the values are fitted to.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Compute(
        ReadOnlySpan<float> rewards, ReadOnlySpan<float> values, ReadOnlySpan<float> nextValues, ReadOnlySpan<bool> terminated,
        ReadOnlySpan<bool> truncated,
        double gamma, double lambda, Span<float> advantages, Span<float> returns)
    {
        var count = rewards.Length;
        if (values.Length != count || nextValues.Length != count || terminated.Length != count || truncated.Length != count
            || advantages.Length != count || returns.Length != count)
        {
            throw new ArgumentException(
                $"There are {count} rewards, {values.Length} values, {nextValues.Length} next values, {terminated.Length} and "
                    + $"{truncated.Length} ends, room for {advantages.Length} advantages and {returns.Length} returns; all must be equally "
                    + $"many.", nameof(rewards));
        }
        var (g, decay) = ((float)gamma, (float)(gamma * lambda));
        var advantage = 0f;
        for (var t = count - 1; t >= 0; t--)
        {
            var error = rewards[t] + (terminated[t] ? 0 : g * nextValues[t]) - values[t];
            advantage = error + (terminated[t] || truncated[t] ? 0 : decay * advantage);
            (advantages[t], returns[t]) = (advantage, advantage + values[t]);
        }
    }

    /// <summary>Makes values have mean 0 and deviation 1 (n - 1, as PyTorch computes it); a single value is left alone.</summary>
    public static void Normalize(Span<float> values)
    {
        if (values.Length < 2) return;
        var (mean, squares) = (0.0, 0.0);
        foreach (var value in values) mean += value;
        mean /= values.Length;
        foreach (var value in values) squares += (value - mean) * (value - mean);
        var scale = 1 / (Math.Sqrt(squares / (values.Length - 1)) + 1e-8);
        foreach (ref var value in values) value = (float)((value - mean) * scale);
    }
}
