using System.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>What Q-learners aim at, from the values of the next observation. Pure functions over rows of action values.</summary>
public static class QTargets
{
    /// <summary>The index of the largest value, the lowest among equals.</summary>
    public static int ArgMax<T>(ReadOnlySpan<T> values)
        where T : INumber<T>
    {
        var best = 0;
        for (var a = 1; a < values.Length; a++)
        {
            if (values[a] > values[best]) best = a;
        }
        return best;
    }

    /// <summary>The index of the largest allowed value, the lowest among equals.</summary>
    /// <param name="values">Values of the actions.</param>
    /// <param name="mask">True for every allowed action; empty where all are.</param>
    public static int ArgMax<T>(ReadOnlySpan<T> values, ReadOnlySpan<bool> mask)
        where T : INumber<T>
    {
        if (mask.IsEmpty) return ArgMax(values);
        var best = -1;
        for (var a = 0; a < values.Length; a++)
        {
            if (mask[a] && (best < 0 || values[a] > values[best])) best = a;
        }
        return best >= 0 ? best : throw new ArgumentException("The mask allows no action.", nameof(mask));
    }

    /// <summary>DQN (Mnih et al. 2015): <c>return + discount max Q'(s', .)</c>.</summary>
    /// <param name="ret">Sum of rewards.</param>
    /// <param name="discount">gamma^n, 0 at the end of the task.</param>
    /// <param name="target">The target network's values of the next observation.</param>
    public static T Dqn<T>(T ret, T discount, ReadOnlySpan<T> target)
        where T : INumber<T>
        => ret + (discount * target[ArgMax(target)]);

    /// <summary>Double DQN (van Hasselt et al. 2016): the online network chooses, the target network values.</summary>
    /// <param name="ret">Sum of rewards.</param>
    /// <param name="discount">gamma^n, 0 at the end of the task.</param>
    /// <param name="online">The online network's values of the next observation.</param>
    /// <param name="target">The target network's.</param>
    public static T Double<T>(T ret, T discount, ReadOnlySpan<T> online, ReadOnlySpan<T> target)
        where T : INumber<T>
        => ret + (discount * target[ArgMax(online)]);

    /// <summary>
    /// Munchausen DQN (Vieillard et al. 2020, equation 1): the reward gains <c>alpha max(tau ln pi(a|s), clip)</c>, the bootstrap is the
    /// soft value
    /// <c>sum pi(a'|s') (Q'(s', a') - tau ln pi(a'|s'))</c>, with pi the softmax of Q'/tau.
    /// </summary>
    /// <param name="ret">Reward.</param>
    /// <param name="discount">gamma^n, 0 at the end of the task.</param>
    /// <param name="here">The target network's values of the observation.</param>
    /// <param name="action">The action taken there.</param>
    /// <param name="next">The target network's values of the next observation.</param>
    /// <param name="alpha">Weight of the bonus (0.9).</param>
    /// <param name="tau">Temperature (0.03).</param>
    /// <param name="clip">Lower bound of the bonus before its weight (-1).</param>
    /// <param name="mask">Actions allowed in the observation; empty where all are.</param>
    /// <param name="nextMask">Actions allowed in the next observation.</param>
    public static T Munchausen<T>(
        T ret, T discount, ReadOnlySpan<T> here, int action, ReadOnlySpan<T> next, T alpha, T tau, T clip,
        ReadOnlySpan<bool> mask = default, ReadOnlySpan<bool> nextMask = default)
        where T : IFloatingPointIeee754<T>
    {
        var bonus = T.Min(T.Max(here[action] - SoftValue(here, tau, mask), clip), T.Zero);
        return ret + (alpha * bonus) + (discount * SoftValue(next, tau, nextMask));
    }

    /// <summary>tau times the log-sum-exp of values over tau: the soft maximum, which is also sum of pi (q - tau ln pi).</summary>
    public static T SoftValue<T>(ReadOnlySpan<T> values, T tau, ReadOnlySpan<bool> mask = default)
        where T : IFloatingPointIeee754<T>
    {
        var best = values[ArgMax(values, mask)];
        var sum = T.Zero;
        for (var a = 0; a < values.Length; a++)
        {
            if (mask.IsEmpty || mask[a]) sum += T.Exp((values[a] - best) / tau);
        }
        return best + (tau * T.Log(sum));
    }

    /// <summary>
    /// Q(lambda) of PQN (Gallici et al. 2024) backwards over one stretch: <c>R_t = r_t + gamma (1 - end_t) (lambda R_{t+1} + (1 - lambda)
    /// max Q(s_{t+1}))</c>;
    /// a cut episode bootstraps fully from its last observation.
    /// </summary>
    /// <param name="rewards">Rewards, oldest first.</param>
    /// <param name="nextValues">The greedy value of what followed each step (of an episode's own last observation where it ended).</param>
    /// <param name="terminated">Where the task ended.</param>
    /// <param name="truncated">Where the episode was cut.</param>
    /// <param name="gamma">Discount.</param>
    /// <param name="lambda">Share of the longer return.</param>
    /// <param name="returns">Receives one return a step.</param>
    public static void Lambda<T>(ReadOnlySpan<T> rewards, ReadOnlySpan<T> nextValues, ReadOnlySpan<bool> terminated,
        ReadOnlySpan<bool> truncated, T gamma, T lambda, Span<T> returns)
        where T : INumber<T>
    {
        for (var t = rewards.Length - 1; t >= 0; t--)
        {
            if (terminated[t]) returns[t] = rewards[t];
            else if (truncated[t] || t == rewards.Length - 1) returns[t] = rewards[t] + (gamma * nextValues[t]);
            else returns[t] = rewards[t] + (gamma * ((lambda * returns[t + 1]) + ((T.One - lambda) * nextValues[t])));
        }
    }
}
