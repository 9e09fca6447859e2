using System.Runtime.CompilerServices;

namespace Cresset.Rl;

/// <summary>
/// Temporal-difference learning is one stochastic approximation: <c>estimate += alpha * (target - estimate)</c>. The methods below are the
/// targets; they are all that distinguishes TD(0), Sarsa, Expected Sarsa, Q-learning, double Q-learning and n-step methods.
/// (Zhao 2025, table 7.2; Sutton and Barto 2018, chapters 6 and 7.)
/// </summary>
public static class TdTarget
{
    /// <summary>The update itself; returns the temporal-difference error target - estimate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Update(ref double estimate, double target, double stepSize)
    {
        var error = target - estimate;
        estimate += stepSize * error;
        return error;
    }

    /// <summary>TD(0) and Sarsa: r + gamma v(s'), or r + gamma q(s', a') with the action that is really taken next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sample(double reward, double gamma, double nextValue) => reward + (gamma * nextValue);

    /// <summary>Expected Sarsa: r + gamma sum_a pi(a|s') q(s', a).</summary>
    public static double Expected(double reward, double gamma, ReadOnlySpan<double> nextPolicy, ReadOnlySpan<double> nextValues)
        => reward + (gamma * Mean(nextPolicy, nextValues));

    /// <summary>Q-learning: r + gamma max_a q(s', a).</summary>
    public static double Greedy(double reward, double gamma, ReadOnlySpan<double> nextValues) =>
        reward + (gamma * nextValues[Rl.Greedy.FirstMax(nextValues)]);

    /// <summary>Double Q-learning: r + gamma q2(s', argmax_a q1(s', a)): one table chooses, the other judges.</summary>
    public static double Double(double reward, double gamma, ReadOnlySpan<double> choosing, ReadOnlySpan<double> judging)
        => reward + (gamma * judging[Rl.Greedy.FirstMax(choosing)]);

    /// <summary>n-step return: r1 + gamma r2 + ... + gamma^(n-1) rn + gamma^n v.</summary>
    public static double NStep(ReadOnlySpan<double> rewards, double gamma, double lastValue)
    {
        var target = lastValue;
        for (var i = rewards.Length - 1; i >= 0; i--) target = rewards[i] + (gamma * target);
        return target;
    }

    /// <summary>Mean of the values under probabilities; values without probability (even infinite ones) do not count.</summary>
    internal static double Mean(ReadOnlySpan<double> policy, ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        for (var a = 0; a < policy.Length; a++)
        {
            if (policy[a] > 0) sum += policy[a] * values[a];
        }
        return sum;
    }
}
