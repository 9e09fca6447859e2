using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What the detector learns from: focal loss of the classes, generalized IoU of the boxes, cross-entropy of the ink.</summary>
internal static class DetectorLoss
{
    private const double Alpha = 0.25, Tiny = 1e-6;

    /// <summary>The three losses, scalars; boxes count where a cell has one.</summary>
    public static (Tensor Classes, Tensor Boxes, Tensor Ink) Of(DetectorNet net, Tensor pictures, Tensor targets)
    {
        var (logits, sides, ink) = net.call(pictures);
        long n = logits.size(0), classes = logits.size(1), height = logits.size(2), width = logits.size(3), plane = height * width;
        var cell = targets.narrow(1, 0, plane).reshape(n, 1, height, width);
        var wanted = targets.narrow(1, plane, 4 * plane).reshape(n, 4, height, width);
        var pixels = targets.narrow(1, 5 * plane, targets.size(1) - (5 * plane)).reshape(ink.shape);
        var positive = cell.gt(0).to(logits.dtype);
        var positives = positive.sum().clamp_min(1);
        var oneHot = cell.eq(arange(1, classes + 1, dtype: cell.dtype, device: cell.device).reshape(1, classes, 1, 1)).to(logits.dtype);
        return (Focal(logits, oneHot).sum() / positives, (Separation(sides, wanted) * positive).sum() / positives,
            nn.functional.binary_cross_entropy_with_logits(ink, pixels));
    }

    /// <summary>Lin et al. 2017, arXiv:1708.02002, with the exponent 2.</summary>
    private static Tensor Focal(Tensor logits, Tensor wanted)
    {
        var p = logits.sigmoid();
        var entropy = logits.clamp_min(0) - (logits * wanted) + (-logits.abs()).exp().log1p();
        var missed = p + wanted - (2 * p * wanted);
        var weight = (Alpha * wanted) + ((1 - Alpha) * (1 - wanted));
        return weight * missed * missed * entropy;
    }

    /// <summary>
    /// 1 less the generalized IoU (Rezatofighi et al. 2019, arXiv:1902.09630) of boxes around the same cell, [N, 1, h, w].
    /// </summary>
    private static Tensor Separation(Tensor a, Tensor b)
    {
        static (Tensor Width, Tensor Height) Size(Tensor s)
            => (s.narrow(1, 0, 1) + s.narrow(1, 2, 1), s.narrow(1, 1, 1) + s.narrow(1, 3, 1));
        var (aw, ah) = Size(a);
        var (bw, bh) = Size(b);
        var (sw, sh) = Size(minimum(a, b));
        var (cw, ch) = Size(maximum(a, b));
        Tensor shared = sw * sh, whole = (aw * ah) + (bw * bh) - shared, hull = cw * ch;
        return 1 - (shared / (whole + Tiny)) + ((hull - whole) / (hull + Tiny));
    }
}
