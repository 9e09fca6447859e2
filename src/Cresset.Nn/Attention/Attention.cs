using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Which implementation of attention to run.</summary>
public enum AttentionPath
{
    /// <summary>One fused kernel (our own without mask and gradients in AVX-512, libtorch's elsewhere): fast and small in memory, no second derivative on the CPU.</summary>
    Fused,

    /// <summary>softmax(q k^T) v in separate steps: any number of derivatives, weights can be looked at.</summary>
    Explicit,
}

/// <summary>Scaled dot-product attention. Vaswani et al. 2017.</summary>
public static class Attention
{
    /// <summary>
    /// softmax(scale q k^T + mask) v with q [..., L, D], k [..., S, D], v [..., S, E]; result [..., L, E].
    /// </summary>
    /// <param name="query">Queries.</param>
    /// <param name="key">Keys.</param>
    /// <param name="value">Values.</param>
    /// <param name="mask">Broadcastable to [..., L, S]: bool (true = may look) or a number added to the scores.</param>
    /// <param name="causal">Position i sees positions up to i only; not together with a mask.</param>
    /// <param name="scale">Null takes 1 / sqrt(D).</param>
    /// <param name="path">Fused or explicit.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor ScaledDotProduct(Tensor query, Tensor key, Tensor value, Tensor? mask = null, bool causal = false, double? scale = null, AttentionPath path = AttentionPath.Fused)
    {
        if (query.size(-1) != key.size(-1) || key.size(-2) != value.size(-2)) throw new ShapeException($"Attention.ScaledDotProduct: query {Shape.Text(query)}, key {Shape.Text(key)} and value {Shape.Text(value)} do not fit; expected [..., L, D], [..., S, D], [..., S, E].");
        if (causal && mask is not null) throw new ArgumentException("Attention.ScaledDotProduct: give either causal or a mask; put the causal part into the mask.", nameof(mask));
        using var scope = NewDisposeScope();
        var natural = 1 / Math.Sqrt(query.size(-1));
        if (path == AttentionPath.Fused)
        {
            // The native call has no scale argument here: the difference goes into the queries.
            var q = scale is { } s && s != natural ? query * (s / natural) : query;
            if (mask is null && !causal && FusedAttention.Fits(q, key, value)) return FusedAttention.Run(q, key, value).MoveToOuterDisposeScope();
            return nn.functional.scaled_dot_product_attention(q, key, value, mask, is_casual: causal).MoveToOuterDisposeScope();
        }
        return Weights(query, key, mask, causal, scale).matmul(value).MoveToOuterDisposeScope();
    }

    /// <summary>softmax(scale q k^T + mask): the attention weights [..., L, S].</summary>
    public static Tensor Weights(Tensor query, Tensor key, Tensor? mask = null, bool causal = false, double? scale = null)
    {
        using var scope = NewDisposeScope();
        var scores = (query * (scale ?? (1 / Math.Sqrt(query.size(-1))))).matmul(key.transpose(-2, -1));
        if (causal) mask = ones(query.size(-2), key.size(-2), dtype: ScalarType.Bool, device: query.device).tril();
        if (mask is not null) scores = mask.dtype == ScalarType.Bool ? scores.masked_fill(mask.logical_not(), double.NegativeInfinity) : scores + mask;
        return nn.functional.softmax(scores, -1).MoveToOuterDisposeScope();
    }

    /// <summary>[N, L, heads * D] to [N, heads, L, D].</summary>
    public static Tensor SplitHeads(Tensor x, long heads)
    {
        using var scope = NewDisposeScope();
        return x.reshape(x.size(0), x.size(1), heads, -1).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>[N, heads, L, D] to [N, L, heads * D].</summary>
    public static Tensor MergeHeads(Tensor x)
    {
        using var scope = NewDisposeScope();
        return x.transpose(1, 2).reshape(x.size(0), x.size(2), -1).MoveToOuterDisposeScope();
    }
}
