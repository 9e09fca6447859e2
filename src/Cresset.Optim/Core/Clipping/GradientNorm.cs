using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The p-norm over many tensors together.</summary>
internal static class GradientNorm
{
    public static double Of(IReadOnlyList<Tensor> gradients, double normType, int threads)
    {
        var norm = Plain(gradients, normType, threads);
        if (!double.IsPositiveInfinity(norm) || double.IsPositiveInfinity(normType)) return norm;
        // Powers of numbers that are finite themselves may not be: then the largest is taken out first.
        using var scope = NewDisposeScope();
        var largest = Plain(gradients, double.PositiveInfinity, threads);
        return double.IsFinite(largest)
            ? largest * Plain([.. gradients.Select(g => g.to(ScalarType.Float64) / largest)], normType, threads) : norm;
    }

    private static double Plain(IReadOnlyList<Tensor> gradients, double normType, int threads)
    {
        // An empty tensor has no largest element, and adds nothing to any norm.
        gradients = [.. gradients.Where(g => g.numel() > 0)];
        if (gradients.Count == 0) return 0;
        if (normType == 2 && gradients.All(FusedBatch.IsPlain)) return Math.Sqrt(SquaredSum.Of(gradients, threads));
        using var scope = NewDisposeScope();
        var norms = new double[gradients.Count];
        for (var i = 0; i < norms.Length; i++)
        {
            var g = gradients[i].dtype is ScalarType.Float32 or ScalarType.Float64 ? gradients[i] : gradients[i].to(ScalarType.Float32);
            norms[i] = double.IsPositiveInfinity(normType)
                ? Largest(g)
                : normType == 1 ? g.abs().sum(ScalarType.Float64).ToDouble()
                : Math.Pow(g.to(ScalarType.Float64).abs().pow(normType).sum().ToDouble(), 1 / normType);
        }
        if (double.IsPositiveInfinity(normType)) return norms.Any(double.IsNaN) ? double.NaN : norms.Max();
        return Math.Pow(norms.Sum(n => Math.Pow(n, normType)), 1 / normType);
    }

    private static double Largest(Tensor gradient)
    {
        var sizes = gradient.abs();
        if (!gradient.is_sparse) return sizes.max().ToDouble();
        var values = sizes.SparseValues;
        return values.numel() == 0 ? 0 : values.max().ToDouble();
    }
}
