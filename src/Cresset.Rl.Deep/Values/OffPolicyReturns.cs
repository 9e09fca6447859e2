namespace Cresset.Rl.Deep;

/// <summary>
/// Returns of a stretch of steps in time that were taken by another policy than the one that is judged, or are not to be followed to their
/// end. Everywhere a terminated step is worth its reward alone, and a truncated one its reward and the value of what followed, but nothing
/// of the next step, which belongs to another episode.
/// </summary>
public static class OffPolicyReturns
{
    /// <summary>
    /// V-trace (Espeholt et al. 2018, equation 1): <c>v_t = V_t + sum_k gamma^k (c_t ... c_(t+k-1)) rho_(t+k) delta_(t+k)</c>, with rho and
    /// c the ratios, cut at their limits.
    /// </summary>
    /// <param name="ratios">Chance of each action under the judged policy over that under the one that acted.</param>
    /// <param name="rewards">Rewards.</param>
    /// <param name="values">Value of the state that each step began in.</param>
    /// <param name="nextValues">Value of the state that each step led to (of the last observation where the episode was cut; read unless
    /// terminated).</param>
    /// <param name="terminated">Whether the task ended.</param>
    /// <param name="truncated">Whether the episode was cut.</param>
    /// <param name="gamma">Discount, in [0, 1].</param>
    /// <param name="lambda">Factor of the trace, in [0, 1]; 1 in the paper.</param>
    /// <param name="rhoLimit">Largest weight of an error.</param>
    /// <param name="traceLimit">Largest weight of a trace.</param>
    /// <param name="targets">Receives what the values are fitted to.</param>
    /// <param name="advantages">Receives <c>rho_t (r_t + gamma v_(t+1) - V_t)</c>, what the policy's gradient is weighted by.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void VTrace(
        ReadOnlySpan<float> ratios, ReadOnlySpan<float> rewards, ReadOnlySpan<float> values, ReadOnlySpan<float> nextValues,
        ReadOnlySpan<bool> terminated, ReadOnlySpan<bool> truncated,
        double gamma, double lambda, double rhoLimit, double traceLimit, Span<float> targets, Span<float> advantages)
    {
        Check(rewards.Length, ratios.Length, values.Length, nextValues.Length, terminated.Length, truncated.Length, targets.Length,
            advantages.Length);
        // What is carried back is v_(t+1) - V_(t+1).
        var later = 0.0;
        for (var t = rewards.Length - 1; t >= 0; t--)
        {
            var (rho, trace) = (Math.Min(rhoLimit, ratios[t]), lambda * Math.Min(traceLimit, ratios[t]));
            var follows = terminated[t] || truncated[t] ? 0 : later;
            var next = terminated[t] ? 0 : (double)nextValues[t];
            var correction = (rho * (rewards[t] + (gamma * next) - values[t])) + (gamma * trace * follows);
            advantages[t] = (float)(rho * (rewards[t] + (gamma * (next + follows)) - values[t]));
            targets[t] = (float)(values[t] + correction);
            later = correction;
        }
    }

    /// <summary>
    /// Retrace (Munos et al. 2016, equations 3 and 4): <c>Q_t + sum_k gamma^k (c_(t+1) ... c_(t+k)) delta_(t+k)</c>, with
    /// <c>delta = r + gamma E_pi Q(s', .) - Q(s, a)</c> and <c>c = lambda min(1, ratio)</c>.
    /// </summary>
    /// <param name="ratios">Chance of each action under the judged policy over that under the one that acted.</param>
    /// <param name="rewards">Rewards.</param>
    /// <param name="values">Value of the action taken at each step.</param>
    /// <param name="nextValues">Mean value of the actions of the judged policy in the state that each step led to (read unless
    /// terminated).</param>
    /// <param name="terminated">Whether the task ended.</param>
    /// <param name="truncated">Whether the episode was cut.</param>
    /// <param name="gamma">Discount, in [0, 1].</param>
    /// <param name="lambda">Factor of the trace, in [0, 1].</param>
    /// <param name="targets">Receives what the values are fitted to.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Retrace(
        ReadOnlySpan<float> ratios, ReadOnlySpan<float> rewards, ReadOnlySpan<float> values, ReadOnlySpan<float> nextValues,
        ReadOnlySpan<bool> terminated, ReadOnlySpan<bool> truncated,
        double gamma, double lambda, Span<float> targets)
    {
        Check(rewards.Length, ratios.Length, values.Length, nextValues.Length, terminated.Length, truncated.Length, targets.Length);
        // What is carried back is c_(t+1) times the correction of the step after.
        var later = 0.0;
        for (var t = rewards.Length - 1; t >= 0; t--)
        {
            var follows = terminated[t] || truncated[t] ? 0 : later;
            var correction = rewards[t] + (terminated[t] ? 0 : gamma * nextValues[t]) - values[t] + (gamma * follows);
            targets[t] = (float)(values[t] + correction);
            later = lambda * Math.Min(1, ratios[t]) * correction;
        }
    }

    /// <summary>
    /// Sums of up to n rewards and the value of what follows them (Sutton and Barto, equation 7.1); a stretch that ends sooner bootstraps
    /// from its last value.
    /// </summary>
    /// <param name="rewards">Rewards.</param>
    /// <param name="nextValues">Value of the state that each step led to (read unless terminated).</param>
    /// <param name="terminated">Whether the task ended.</param>
    /// <param name="truncated">Whether the episode was cut.</param>
    /// <param name="gamma">Discount, in [0, 1].</param>
    /// <param name="steps">Most rewards of a sum, n.</param>
    /// <param name="returns">Receives the sums.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void NStep(ReadOnlySpan<float> rewards, ReadOnlySpan<float> nextValues, ReadOnlySpan<bool> terminated,
        ReadOnlySpan<bool> truncated, double gamma, int steps, Span<float> returns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        Check(rewards.Length, nextValues.Length, terminated.Length, truncated.Length, returns.Length);
        for (var t = 0; t < rewards.Length; t++)
        {
            var (sum, discount, at) = (0.0, 1.0, t);
            while (true)
            {
                sum += discount * rewards[at];
                discount *= gamma;
                if (terminated[at] || truncated[at] || at == rewards.Length - 1 || at - t == steps - 1) break;
                at++;
            }
            returns[t] = (float)(sum + (terminated[at] ? 0 : discount * nextValues[at]));
        }
    }

    private static void Check(int count, params ReadOnlySpan<int> others)
    {
        foreach (var other in others)
        {
            if (other != count)
                throw new ArgumentException($"There are {count} rewards and {other} of something else; all must be equally many.",
                    nameof(count));
        }
    }
}
