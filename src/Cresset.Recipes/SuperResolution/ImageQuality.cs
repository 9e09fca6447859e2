using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>How near one picture is to another, both [N, 1, H, W] in [0, 1].</summary>
internal static class ImageQuality
{
    /// <summary>Peak signal-to-noise ratio in decibels without <paramref name="border"/> pixels at each edge.</summary>
    public static double Psnr(Tensor picture, Tensor reference, int border = 0)
    {
        using var scope = NewDisposeScope();
        var mse = (Inside(picture, border) - Inside(reference, border)).to(ScalarType.Float64).square().mean().ToDouble();
        return mse == 0 ? double.PositiveInfinity : -10 * Math.Log10(mse);
    }

    /// <summary>Structural similarity with a Gaussian window of 11 pixels and deviation 1.5 (Wang et al. 2004).</summary>
    public static double Ssim(Tensor picture, Tensor reference, int border = 0)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Inside(picture, border).to(ScalarType.Float64), Inside(reference, border).to(ScalarType.Float64));
        var line = (-(arange(11, dtype: ScalarType.Float64) - 5).square() / (2 * 1.5 * 1.5)).exp();
        line /= line.sum();
        var window = (line.unsqueeze(1) * line.unsqueeze(0)).reshape(1, 1, 11, 11);
        Tensor Mean(Tensor t) => nn.functional.conv2d(t, window);
        var (ma, mb) = (Mean(a), Mean(b));
        var (va, vb, cov) = (Mean(a * a) - (ma * ma), Mean(b * b) - (mb * mb), Mean(a * b) - (ma * mb));
        const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
        return (((ma * mb * 2) + c1) * ((cov * 2) + c2) / (((ma * ma) + (mb * mb) + c1) * (va + vb + c2))).mean().ToDouble();
    }

    private static Tensor Inside(Tensor t, int border) =>
        border == 0 ? t : t.narrow(2, border, t.size(2) - (2 * border)).narrow(3, border, t.size(3) - (2 * border));
}
