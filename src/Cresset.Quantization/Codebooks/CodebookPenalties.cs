using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Terms that spread a codebook out.</summary>
public static class CodebookPenalties
{
    /// <summary>
    /// sum cos²(c_i, c_j) / K² - 1/K over all pairs of codes [K, D] (Shin et al. 2021, eq. 2): 0 when all are orthogonal. float scalar.
    /// </summary>
    public static Tensor Orthogonality(Tensor codes)
    {
        Shape.Expect(codes, "K D");
        using var scope = NewDisposeScope();
        var count = codes.size(0);
        var unit = UnitVectors.Of(codes);
        // |U U'|² = |U' U|²: the smaller of the two products.
        var gram = count <= codes.size(1) ? unit.MatMul(unit.t()) : unit.t().MatMul(unit);
        return ((gram.square().sum() / ((double)count * count)) - (1.0 / count)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Minus the entropy (nats) of the mean over vectors [N, D] of softmax(inverseTemperature * similarity) over codes [K, D]; similarity
    /// is minus the distance, or the inner product. float scalar.
    /// </summary>
    public static Tensor Diversity(Tensor vectors, Tensor codes, CodeMetric metric, double inverseTemperature)
    {
        Shape.Expect(vectors, "N D");
        Shape.Expect(codes, "K D", ("D", vectors.size(1)));
        using var scope = NewDisposeScope();
        codes = codes.detach();
        var product = vectors.MatMul(codes.t());
        if (metric == CodeMetric.Euclidean)
        {
            var squared = vectors.square().sum(1, true) - (2 * product) + codes.square().sum(1);
            product = -squared.clamp_min(1e-8).sqrt();
        }
        var mean = (product * inverseTemperature).softmax(1).mean([0]);
        return (mean * mean.clamp_min(1e-20).log()).sum().MoveToOuterDisposeScope();
    }
}
