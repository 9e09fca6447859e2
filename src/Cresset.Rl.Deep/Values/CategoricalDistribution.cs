using System.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Returns as probabilities of evenly spaced atoms: C51 (Bellemare et al. 2017).</summary>
internal static class CategoricalDistribution
{
    /// <summary>The value of an atom.</summary>
    public static T Atom<T>(int index, T minimum, T maximum, int atoms)
        where T : INumber<T>
        => minimum + ((maximum - minimum) * T.CreateChecked(index) / T.CreateChecked(atoms - 1));

    /// <summary>The mean of a distribution over atoms.</summary>
    public static T Mean<T>(ReadOnlySpan<T> probabilities, T minimum, T maximum)
        where T : INumber<T>
    {
        var sum = T.Zero;
        for (var i = 0; i < probabilities.Length; i++) sum += probabilities[i] * Atom(i, minimum, maximum, probabilities.Length);
        return sum;
    }

    /// <summary>
    /// The distribution of <c>ret + discount Z</c> put back on the atoms (algorithm 1): each mass is shared by its two neighbours in
    /// proportion to closeness, and goes whole to one that it meets exactly.
    /// </summary>
    /// <param name="ret">Sum of rewards.</param>
    /// <param name="discount">gamma^n, 0 at the end of the task.</param>
    /// <param name="probabilities">Distribution of the next observation's value.</param>
    /// <param name="minimum">Lowest atom.</param>
    /// <param name="maximum">Highest atom.</param>
    /// <param name="projected">Receives the distribution.</param>
    public static void Project<T>(T ret, T discount, ReadOnlySpan<T> probabilities, T minimum, T maximum, Span<T> projected)
        where T : IFloatingPointIeee754<T>
    {
        if (probabilities.Length < 2 || !(maximum > minimum))
            throw new ArgumentException($"{probabilities.Length} atoms from {minimum} to {maximum}; at least 2 that rise are needed.",
                nameof(probabilities));
        if (!T.IsFinite(ret) || !T.IsFinite(discount))
            throw new ArgumentOutOfRangeException(nameof(ret), T.IsFinite(ret) ? discount : ret, "Return and discount must be finite.");
        projected.Clear();
        var last = probabilities.Length - 1;
        var spacing = (maximum - minimum) / T.CreateChecked(last);
        for (var j = 0; j <= last; j++)
        {
            var value = T.Clamp(ret + (discount * Atom(j, minimum, maximum, last + 1)), minimum, maximum);
            var place = T.Clamp((value - minimum) / spacing, T.Zero, T.CreateChecked(last));
            var low = Math.Min(int.CreateTruncating(place), last);
            var share = place - T.CreateChecked(low);
            projected[low] += probabilities[j] * (T.One - share);
            if (share > T.Zero) projected[low + 1] += probabilities[j] * share;
        }
    }

    /// <summary>Softmax in place.</summary>
    public static void Softmax<T>(Span<T> logits)
        where T : IFloatingPointIeee754<T>
    {
        var best = logits[0];
        foreach (var logit in logits) best = T.Max(best, logit);
        var sum = T.Zero;
        foreach (ref var logit in logits)
        {
            logit = T.Exp(logit - best);
            sum += logit;
        }
        foreach (ref var logit in logits) logit /= sum;
    }

    /// <summary>Cross-entropy <c>-sum target ln softmax(logits)</c> and its gradient <c>softmax(logits) - target</c>.</summary>
    /// <returns>The loss.</returns>
    public static T CrossEntropy<T>(ReadOnlySpan<T> logits, ReadOnlySpan<T> target, Span<T> gradient)
        where T : IFloatingPointIeee754<T>
    {
        var best = logits[0];
        foreach (var logit in logits) best = T.Max(best, logit);
        var sum = T.Zero;
        foreach (var logit in logits) sum += T.Exp(logit - best);
        var logSum = best + T.Log(sum);
        var loss = T.Zero;
        for (var i = 0; i < logits.Length; i++)
        {
            loss -= target[i] * (logits[i] - logSum);
            gradient[i] = T.Exp(logits[i] - logSum) - target[i];
        }
        return loss;
    }
}
