using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Lloyd's algorithm on tensors: the classical way to place codes among data.</summary>
public static class KMeans
{
    /// <summary>Moves centres to the means of the vectors nearest to them, again and again. A centre nobody chose keeps its place.</summary>
    /// <param name="vectors">Data [N, D].</param>
    /// <param name="start">First centres [K, D].</param>
    /// <param name="iterations">Rounds.</param>
    /// <param name="similarity">With <see cref="CodeSimilarity.Cosine"/> the data must have length one and the means are scaled to it.</param>
    /// <returns>Centres [K, D] and the number of vectors [K] that chose each in the last round.</returns>
    public static (Tensor Centres, Tensor Counts) Lloyd(Tensor vectors, Tensor start, int iterations = 10, CodeSimilarity similarity = CodeSimilarity.Euclidean)
    {
        Shape.Expect(vectors, "N D");
        Shape.Expect(start, "K D", ("D", vectors.size(1)));
        ArgumentOutOfRangeException.ThrowIfNegative(iterations);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
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
}
