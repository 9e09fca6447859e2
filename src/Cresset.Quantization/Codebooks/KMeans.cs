using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Lloyd's algorithm on tensors: the classical way to place codes among data.</summary>
public static class KMeans
{
    // Rounds of the start: each sees the distances that the rounds before left. One centre a round is k-means++; more centres a round cost
    // less.
    private const int Rounds = 32;

    /// <summary>
    /// First centres among the vectors, far from one another: drawn with probability proportional to the squared distance from those before
    /// (k-means++, Arthur and Vassilvitskii 2007; several a round, Bahmani et al. 2012).
    /// </summary>
    /// <param name="vectors">Data [N, D].</param>
    /// <param name="count">Centres; vectors are repeated when there are fewer distinct ones.</param>
    /// <param name="stream">Source of the draws.</param>
    /// <param name="similarity">With <see cref="CodeSimilarity.Cosine"/> the data must have length one.</param>
    /// <returns>Centres [count, D].</returns>
    internal static Tensor Start(Tensor vectors, int count, SplitMix64 stream, CodeSimilarity similarity)
    {
        Shape.Expect(vectors, "N D");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var metric = similarity == CodeSimilarity.Cosine ? CodeMetric.InnerProduct : CodeMetric.Euclidean;
        var available = (int)vectors.size(0);
        var nearest = full([available], double.PositiveInfinity, dtype: ScalarType.Float64);
        var chosen = new List<long> { stream.NextInt32(available) };
        var from = 0;
        for (var round = 0; chosen.Count < count; round++)
        {
            using var inner = NewDisposeScope();
            var centres = vectors.index_select(0, tensor(chosen.GetRange(from, chosen.Count - from).ToArray(), device: vectors.device));
            from = chosen.Count;
            var own = centres.index_select(0, CodeSearch.Nearest(vectors, centres, metric));
            nearest.copy_(nearest.minimum((vectors - own).to(ScalarType.Float64).square().sum(1).cpu()));
            var weights = TensorSpans.Of<double>(nearest);
            var distinct = 0;
            foreach (var weight in weights) distinct += weight > 0 ? 1 : 0;
            if (distinct == 0) break;
            var wanted = Math.Max(1, (count - chosen.Count + Math.Max(0, Rounds - round - 1)) / Math.Max(1, Rounds - round));
            chosen.AddRange(DistanceDraw.Draw(weights, Math.Min(distinct, Math.Min(wanted, count - chosen.Count)), ref stream));
        }
        while (chosen.Count < count) chosen.Add(stream.NextInt32(available));
        return vectors.index_select(0, tensor(chosen.ToArray(), device: vectors.device)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Moves centres to the means of the vectors nearest to them, again and again. A centre nobody chose keeps its place.
    /// </summary>
    /// <param name="vectors">Data [N, D].</param>
    /// <param name="start">First centres [K, D].</param>
    /// <param name="iterations">Rounds.</param>
    /// <param name="similarity">With <see cref="CodeSimilarity.Cosine"/> the data must have length one and the means are scaled to
    /// it.</param>
    /// <returns>Centres [K, D] and the number of vectors [K] that chose each in the last round.</returns>
    public static (Tensor Centres, Tensor Counts) Lloyd(Tensor vectors, Tensor start, int iterations = 10,
        CodeSimilarity similarity = CodeSimilarity.Euclidean)
    {
        Shape.Expect(vectors, "N D");
        Shape.Expect(start, "K D", ("D", vectors.size(1)));
        ArgumentOutOfRangeException.ThrowIfNegative(iterations);
        if (vectors.size(0) == 0) throw Shape.Wrong(vectors, "at least one vector");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        RequireFinite(vectors, nameof(vectors));
        RequireFinite(start, nameof(start));
        var metric = similarity == CodeSimilarity.Cosine ? CodeMetric.InnerProduct : CodeMetric.Euclidean;
        var centres = start.clone();
        var counts = zeros(start.size(0), dtype: vectors.dtype, device: vectors.device);
        for (var i = 0; i < iterations; i++)
        {
            using var inner = NewDisposeScope();
            var indices = CodeSearch.Nearest(vectors, centres, metric);
            var (hits, sums) = CodeSearch.Segments(vectors, indices, start.size(0));
            var means = sums / hits.clamp_min(1).unsqueeze(1);
            if (similarity == CodeSimilarity.Cosine) means = UnitVectors.Of(means);
            centres = where(hits.unsqueeze(1) > 0, means, centres).MoveToOuterDisposeScope();
            counts = hits.MoveToOuterDisposeScope();
        }
        return (centres.MoveToOuterDisposeScope(), counts.MoveToOuterDisposeScope());
    }

    private static void RequireFinite(Tensor rows, string name)
    {
        if (!rows.isfinite().all().ToBoolean())
            throw new ArgumentException($"{name} hold NaN or an infinity: no centre is nearest to them.", name);
    }
}
