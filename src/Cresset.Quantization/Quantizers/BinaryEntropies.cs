using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Entropies of the soft assignment p = softmax(2 tau z·c) over all sign codes c. It factorises into one coin a bit with probability
/// sigmoid(4 tau s z_i), so nothing here makes a table of 2^d codes per vector.
/// </summary>
public static class BinaryEntropies
{
    /// <summary>
    /// E H(p) in nats, exactly: the sum of d coin entropies, averaged over vectors [N, d]; <paramref name="slope"/> is 4 tau s. float
    /// scalar with gradient.
    /// </summary>
    public static Tensor PerVector(Tensor vectors, double slope)
    {
        Shape.Expect(vectors, "N D");
        using var scope = NewDisposeScope();
        var a = (vectors * slope).abs();
        // H(sigmoid(a)) = log(1 + e^-a) + a sigmoid(-a) for a >= 0: no cancellation far from zero.
        var entropy = nn.functional.softplus(-a) + (a * (-a).sigmoid());
        return entropy.sum(1).mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// H(E p) in nats, the entropy of the mean assignment; exact up to <paramref name="groupBits"/> bits, above that the sum over groups.
    /// float scalar with gradient.
    /// </summary>
    public static Tensor OfMean(Tensor vectors, double slope, int groupBits)
    {
        Shape.Expect(vectors, "N D");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groupBits);
        using var scope = NewDisposeScope();
        var total = zeros(Array.Empty<long>(), dtype: vectors.dtype, device: vectors.device);
        for (var first = 0L; first < vectors.size(1); first += groupBits)
        {
            var ones = (vectors.narrow(1, first, Math.Min(groupBits, vectors.size(1) - first)) * slope).sigmoid();
            var half = ones.size(1) / 2;
            // The mean of a joint distribution of two independent halves is one matrix product: no table [N, 2^bits].
            var left = Joint(ones.narrow(1, 0, half));
            var right = Joint(ones.narrow(1, half, ones.size(1) - half));
            var mean = left.t().MatMul(right) / vectors.size(0);
            total = total - (mean * mean.clamp_min(1e-12).log()).sum();
        }
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>Joint probabilities [N, 2^b] of independent coins [N, b].</summary>
    private static Tensor Joint(Tensor ones)
    {
        var joint = torch.ones(ones.size(0), 1, dtype: ones.dtype, device: ones.device);
        for (var i = 0L; i < ones.size(1); i++)
        {
            var one = ones.narrow(1, i, 1);
            joint = stack([joint * (1 - one), joint * one], 2).reshape(ones.size(0), -1);
        }
        return joint;
    }
}
