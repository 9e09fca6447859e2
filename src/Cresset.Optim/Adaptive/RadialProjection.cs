using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The projection of AdamP and SGDP (Heo et al. 2021).</summary>
internal static class RadialProjection
{
    /// <summary>
    /// Where the gradient is nearly at right angles to the weights (per output channel, then for the tensor as a whole), they are scale-invariant:
    /// the part of <paramref name="update"/> along the weights is taken out in place. Returns the factor of the weight decay.
    /// </summary>
    public static double Apply(Tensor parameter, Tensor gradient, Tensor update, double delta, double decayRatio, double epsilon)
    {
        if (parameter.dim() < 2) return 1;
        foreach (var rows in new[] { parameter.size(0), 1L })
        {
            var (w, g) = (parameter.reshape(rows, -1), gradient.reshape(rows, -1));
            var cosine = (w * g).sum(1).div_(w.norm(1).clamp_(min: epsilon).mul_(g.norm(1).clamp_(min: epsilon))).abs_();
            if (cosine.max().ToDouble() >= delta / Math.Sqrt(w.size(1))) continue;
            var direction = w / w.norm(1).add_(epsilon).unsqueeze(1);
            var along = (direction * update.reshape(rows, -1)).sum(1, keepdim: true);
            update.sub_((direction * along).reshape(update.shape));
            return decayRatio;
        }
        return 1;
    }
}
