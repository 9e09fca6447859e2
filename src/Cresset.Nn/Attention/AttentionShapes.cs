using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// What queries, keys, values and mask must have in common. Leading dimensions are broadcast; with four dimensions or more, keys and values
/// may have fewer heads [..., heads, S, D] than queries: each then serves as many neighbouring query heads (grouped-query attention,
/// Ainslie et al. 2023).
/// </summary>
internal static class AttentionShapes
{
    /// <summary>
    /// The three with equal leading dimensions, as views wherever that is possible; keys and values keep fewer heads where
    /// <paramref name="keepGroups"/>.
    /// </summary>
    /// <exception cref="ShapeException">They do not fit.</exception>
    public static (Tensor Query, Tensor Key, Tensor Value) Align(Tensor query, Tensor key, Tensor value, bool keepGroups)
    {
        if (query.dim() < 2 || key.dim() < 2 || value.dim() < 2 || query.size(-1) != key.size(-1) || key.size(-2) != value.size(-2))
        {
            throw Refused(query, key, value, "needed are [..., L, D], [..., S, D], [..., S, E]");
        }
        var kind = (query.dtype, query.device_type, query.device_index);
        if ((key.dtype, key.device_type, key.device_index) != kind || (value.dtype, value.device_type, value.device_index) != kind
            || !query.is_floating_point())
        {
            throw new ArgumentException(
                $"Attention: query is {query.dtype} on {query.device}, key {key.dtype} on {key.device}, value {value.dtype} on "
                    + $"{value.device}; needed is one floating-point type on one device.", nameof(key));
        }
        var rank = Math.Max(query.dim(), Math.Max(key.dim(), value.dim()));
        var lead = new long[rank - 2];
        long keyGroups = 1, valueGroups = 1;
        for (var i = 0; i < lead.Length; i++)
        {
            long q = Size(query, i, rank), k = Size(key, i, rank), v = Size(value, i, rank);
            if (rank >= 4 && i == rank - 3)
            {
                if (k > 1 && q > k && q % k == 0) (keyGroups, k) = (q / k, q);
                if (v > 1 && q > v && q % v == 0) (valueGroups, v) = (q / v, q);
            }
            lead[i] = q != 1 ? q : k != 1 ? k : v;
            if ((q != 1 && q != lead[i]) || (k != 1 && k != lead[i]) || (v != 1 && v != lead[i]))
            {
                throw Refused(query, key, value,
                    $"leading dimensions must be equal or "
                        + $"1{(rank >= 4 ? ", and the heads of key and value must divide those of query" : "")}");
            }
        }
        var together = keepGroups && keyGroups == valueGroups;
        return (Spread(query, lead, 1, false), Spread(key, lead, keyGroups, together), Spread(value, lead, valueGroups, together));
    }

    /// <summary>The mask in the type of the scores, with the causal part in it.</summary>
    /// <param name="mask">Boolean or floating point; null for none.</param>
    /// <param name="causal">Position i sees positions up to i only.</param>
    /// <param name="scores">The shape [..., L, S].</param>
    /// <param name="query">Gives type and device.</param>
    public static Tensor? Mask(Tensor? mask, bool causal, long[] scores, Tensor query)
    {
        if (mask is not null)
        {
            var fits = mask.dim() <= scores.Length;
            for (var i = 1; fits && i <= (int)mask.dim(); i++) fits = mask.size(-i) == 1 || mask.size(-i) == scores[^i];
            if (!fits)
                throw new ShapeException(
                    $"Attention: mask {Shape.Text(mask)} does not broadcast to {Shape.Text(scores)}, which is [..., L, S].");
            if (mask.dtype != ScalarType.Bool && !mask.is_floating_point())
                throw new ArgumentException(
                    $"Attention: the mask is {mask.dtype}; give booleans (true = may look) or floating-point numbers that are added to the "
                        + $"scores.", nameof(mask));
            if (mask.device_type != query.device_type)
                throw new ArgumentException($"Attention: the mask is on {mask.device}, the query on {query.device}.", nameof(mask));
            if (mask.dtype != ScalarType.Bool) mask = mask.to(query.dtype);
        }
        if (!causal) return mask;
        var before = ones(scores[^2], scores[^1], dtype: ScalarType.Bool, device: query.device).tril();
        if (mask is null) return before;
        return mask.dtype == ScalarType.Bool ? mask.logical_and(before) : mask.masked_fill(before.logical_not(), double.NegativeInfinity);
    }

    private static long Size(Tensor t, int i, long rank)
    {
        var own = i - (rank - t.dim());
        return own < 0 ? 1 : t.size((int)own);
    }

    private static Tensor Spread(Tensor t, long[] lead, long groups, bool keepGroups)
    {
        long[] shape = [.. lead, t.size(-2), t.size(-1)];
        if (groups == 1) return t.shape.AsSpan().SequenceEqual(shape) ? t : t.expand(shape);
        if (keepGroups) shape[^3] /= groups;
        var spread = t.dim() == shape.Length && t.shape.AsSpan().SequenceEqual(shape) ? t
            : t.expand([.. shape[..^3], t.size(-3), .. shape[^2..]]);
        return keepGroups ? spread : spread.repeat_interleave(groups, -3);
    }

    private static ShapeException Refused(Tensor query, Tensor key, Tensor value, string rule)
        => new($"Attention: query {Shape.Text(query)}, key {Shape.Text(key)} and value {Shape.Text(value)} do not fit: {rule}.");
}
