using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The cautious mask (Liang et al. 2024): drop the parts of an update that point against the gradient and scale up the rest.</summary>
internal static class Caution
{
    public static void Apply(Tensor update, Tensor gradient)
    {
        var mask = update.mul(gradient).gt(0).to(gradient.dtype);
        mask.div_(mask.mean().clamp_(min: 1e-3));
        update.mul_(mask);
    }
}
