using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Adaptive gradient clipping (Brock et al. 2021): each unit (row of a matrix, output channel of a kernel) is clipped relative to the norm
/// of its weights.
/// </summary>
public static class AdaptiveGradientClipping
{
    /// <summary>
    /// Clips the gradients in place to at most <paramref name="factor"/> times the weights' unit norms, which count at least
    /// <paramref name="epsilon"/>.
    /// </summary>
    /// <exception cref="NotSupportedException">A gradient is sparse.</exception>
    public static void Clip(IEnumerable<TorchSharp.Modules.Parameter> parameters, double factor = 0.01, double epsilon = 1e-3)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!(factor > 0))
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "The factor must be greater than 0 (usual: 0.01).");
        if (!(epsilon >= 0)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "Must be at least 0.");
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var all = parameters.ToList();
        _ = Gradients.Writable(all);
        foreach (var parameter in all)
        {
            if (Gradients.Of(parameter) is not { } gradient) continue;
            if (gradient.is_sparse)
                throw new NotSupportedException(
                    "Adaptive clipping compares whole rows of weights with their gradients, and a gradient is sparse: make the embedding "
                        + "dense (sparse: false), or clip by norm.");
            var limit = UnitNorm(parameter).clamp_(min: epsilon).mul_(factor);
            var norm = UnitNorm(gradient);
            gradient.mul_(where(norm.gt(limit), limit.div(norm.clamp(min: 1e-6)), ones_like(norm)).to(gradient.dtype));
        }
    }

    // In float64: squares of half-precision numbers overflow from 256 on, those of float32 from 1.8e19.
    private static Tensor UnitNorm(Tensor t)
    {
        var squares = t.to(ScalarType.Float64).square();
        return t.dim() <= 1 ? squares.sum().sqrt()
            : squares.sum([.. Enumerable.Range(1, (int)t.dim() - 1).Select(d => (long)d)], keepdim: true).sqrt();
    }
}
