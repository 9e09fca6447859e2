using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Probabilities of the next code.</summary>
public static class CodeDistribution
{
    /// <summary>
    /// Writes the probabilities that <paramref name="sampling"/> makes of logits [K]; they sum to 1 and lower indices win ties at the edge
    /// of top-p.
    /// </summary>
    public static void Probabilities(ReadOnlySpan<float> logits, CodeSampling sampling, Span<double> probabilities)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        if (probabilities.Length != logits.Length)
            throw new ArgumentException($"There are {logits.Length} logits and room for {probabilities.Length} probabilities.",
                nameof(probabilities));
        var greatest = float.NegativeInfinity;
        var best = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]))
                throw new ArgumentException($"Logit {i} is NaN: the prior is damaged or was trained with too high a learning rate.",
                    nameof(logits));
            if (logits[i] > greatest) (greatest, best) = (logits[i], i);
        }
        if (!float.IsFinite(greatest))
            throw new ArgumentException(
                $"The greatest of {logits.Length} logits is {(greatest > 0 ? "infinite" : "minus infinity")}: no code can be drawn from "
                    + $"that.", nameof(logits));
        probabilities.Clear();
        if (sampling.Temperature == 0)
        {
            probabilities[best] = 1;
            return;
        }
        var threshold = sampling.TopK > 0 && sampling.TopK < logits.Length ? KthGreatest(logits, sampling.TopK) : float.NegativeInfinity;
        var total = 0.0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] < threshold) continue;
            probabilities[i] = Math.Exp(((double)logits[i] - greatest) / sampling.Temperature);
            total += probabilities[i];
        }
        foreach (ref var p in probabilities) p /= total;
        if (sampling.TopP < 1) KeepNucleus(probabilities, sampling.TopP);
    }

    /// <summary>An index drawn from probabilities by one uniform number in [0, 1).</summary>
    public static int Draw(ReadOnlySpan<double> probabilities, double uniform)
    {
        var last = 0;
        var sum = 0.0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            if (probabilities[i] <= 0) continue;
            sum += probabilities[i];
            last = i;
            if (uniform < sum) return i;
        }
        return last;
    }

    private static float KthGreatest(ReadOnlySpan<float> values, int k)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted);
        return sorted[^k];
    }

    private static void KeepNucleus(Span<double> probabilities, double mass)
    {
        var order = Enumerable.Range(0, probabilities.Length).ToArray();
        var copy = probabilities.ToArray();
        // Stable: equal probabilities stay in the order of their indices.
        order = [.. order.OrderByDescending(i => copy[i])];
        var sum = 0.0;
        var kept = 0;
        while (kept < order.Length && sum < mass) sum += copy[order[kept++]];
        probabilities.Clear();
        for (var i = 0; i < kept; i++) probabilities[order[i]] = copy[order[i]] / sum;
    }
}
