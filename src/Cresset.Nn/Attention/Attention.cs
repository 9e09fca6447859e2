using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Which implementation of attention to run.</summary>
public enum AttentionPath
{
    /// <summary>
    /// One fused kernel (our own without mask and gradients in AVX-512, libtorch's elsewhere): fast and small in memory, no second
    /// derivative on the CPU.
    /// </summary>
    Fused,

    /// <summary>softmax(q k^T) v in separate steps: any number of derivatives, weights can be looked at.</summary>
    Explicit,
}

/// <summary>Scaled dot-product attention. Vaswani et al. 2017.</summary>
public static class Attention
{
    /// <summary>
    /// softmax(scale q k^T + mask) v with q [..., L, D], k [..., S, D], v [..., S, E]; result [..., L, E]. Leading dimensions are
    /// broadcast;
    /// with four dimensions, keys and values may have fewer heads than queries, each for as many neighbouring query heads. A row that may
    /// look nowhere gives 0.
    /// </summary>
    /// <param name="query">Queries.</param>
    /// <param name="key">Keys.</param>
    /// <param name="value">Values.</param>
    /// <param name="mask">Broadcastable to [..., L, S]: bool (true = may look) or a number added to the scores.</param>
    /// <param name="causal">Position i sees positions up to i only, of those that the mask allows.</param>
    /// <param name="scale">Null takes 1 / sqrt(D).</param>
    /// <param name="path">Fused or explicit; both give the same.</param>
    /// <param name="dropout">Part of the weights that is dropped, in [0, 1]; the others grow by 1 / (1 - dropout).</param>
    /// <param name="generator">Draws what is dropped; null uses TorchSharp's global one.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentException">Different types or devices, or a mask of integers.</exception>
    public static Tensor ScaledDotProduct(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? mask = null,
        bool causal = false,
        double? scale = null,
        AttentionPath path = AttentionPath.Fused,
        double dropout = 0,
        Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        if (!(dropout is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(dropout), dropout, "Attention: dropout must lie in [0, 1].");
        if (scale is { } given && !double.IsFinite(given))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "Attention: the scale must be finite.");
        using var scope = NewDisposeScope();
        // What is dropped needs the weights themselves.
        var isFused = path == AttentionPath.Fused && dropout == 0;
        var (q, k, v) = AttentionShapes.Align(query, key, value,
            keepGroups: isFused && mask is null && !causal && FusedAttention.Fits(query, key, value));
        long[] scores = [.. q.shape[..^1], k.size(-2)];
        // libtorch's kernel leaves out what lies behind the diagonal where it is told so.
        var isTriangle = isFused && causal && mask is null && scores[^1] == scores[^2];
        mask = AttentionShapes.Mask(mask, causal && !isTriangle, scores, q);
        if (!isFused)
        {
            var weights = Softmax(q, k, mask, scale);
            if (dropout > 0) weights = Drop(weights, dropout, generator);
            return weights.MatMul(v).MoveToOuterDisposeScope();
        }
        // The native call has no scale argument here: the difference goes into the queries.
        var natural = Natural(q);
        if (scale is { } s && s != natural) q = q * (s / natural);
        if (mask is null && !isTriangle && FusedAttention.Fits(q, k, v)) return FusedAttention.Run(q, k, v).MoveToOuterDisposeScope();
        if (q.numel() == 0 || k.numel() == 0 || v.numel() == 0)
            return Softmax(q, k, AttentionShapes.Mask(mask, isTriangle, scores, q), natural).MatMul(v).MoveToOuterDisposeScope();
        return nn.functional.scaled_dot_product_attention(q, k, v, mask, is_casual: isTriangle).MoveToOuterDisposeScope();
    }

    /// <summary>softmax(scale q k^T + mask): the attention weights [..., L, S], with the rules of <see cref="ScaledDotProduct"/>.</summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor Weights(Tensor query, Tensor key, Tensor? mask = null, bool causal = false, double? scale = null)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(key);
        using var scope = NewDisposeScope();
        var (q, k, _) = AttentionShapes.Align(query, key, key, keepGroups: false);
        return Softmax(q, k, AttentionShapes.Mask(mask, causal, [.. q.shape[..^1], k.size(-2)], q), scale).MoveToOuterDisposeScope();
    }

    private static double Natural(Tensor query) => 1 / Math.Sqrt(Math.Max(1, query.size(-1)));

    private static Tensor Softmax(Tensor query, Tensor key, Tensor? mask, double? scale)
    {
        using var scope = NewDisposeScope();
        var scores = (query * (scale ?? Natural(query))).MatMul(key.transpose(-2, -1));
        if (mask is null) return nn.functional.softmax(scores, -1).MoveToOuterDisposeScope();
        scores = mask.dtype == ScalarType.Bool ? scores.masked_fill(mask.logical_not(), double.NegativeInfinity) : scores + mask;
        if (scores.size(-1) == 0) return scores.MoveToOuterDisposeScope();
        // A row without any key would be 0 / 0, in the gradient too.
        var nowhere = scores.detach().isneginf().all(-1, keepdim: true);
        return nn.functional.softmax(scores.masked_fill(nowhere, 0), -1).masked_fill(nowhere, 0).MoveToOuterDisposeScope();
    }

    private static Tensor Drop(Tensor weights, double part, Generator? generator)
    {
        if (part == 1) return weights * 0;
        using var scope = NewDisposeScope();
        var kept = rand(weights.shape, dtype: ScalarType.Float32, device: weights.device, generator: generator).ge(part);
        return (weights * kept.to(weights.dtype) / (1 - part)).MoveToOuterDisposeScope();
    }

    /// <summary>[N, L, heads * D] to [N, heads, L, D].</summary>
    public static Tensor SplitHeads(Tensor x, long heads)
    {
        using var scope = NewDisposeScope();
        return x.reshape(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>[N, heads, L, D] to [N, L, heads * D].</summary>
    public static Tensor MergeHeads(Tensor x)
    {
        using var scope = NewDisposeScope();
        return x.transpose(1, 2).reshape(x.size(0), x.size(2), x.size(1) * x.size(3)).MoveToOuterDisposeScope();
    }
}
