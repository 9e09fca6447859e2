using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Step functions whose backward pass uses a surrogate derivative, so nets with thresholds can be trained.</summary>
public static class Thresholds
{
    /// <summary>1 for x > 0, <paramref name="atZero"/> at 0, 0 below; NaN stays NaN.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="surrogate">The derivative in backward; null gives 0 everywhere, as mathematics has it.</param>
    /// <param name="atZero">Value at 0.</param>
    /// <param name="sharpness">The surrogate's a, k or s; null takes its paper's.</param>
    public static Tensor Heaviside(Tensor x, SurrogateGradient? surrogate = SurrogateGradient.StraightThrough, double atZero = 0.5,
        double? sharpness = null)
    {
        using var scope = NewDisposeScope();
        var fixedX = x.detach();
        var step = where(fixedX.isnan(), fixedX, where(fixedX.eq(0), full_like(fixedX, atZero), fixedX.gt(0).to(x.dtype)));
        return Attach(x, step, surrogate, sharpness).MoveToOuterDisposeScope();
    }

    /// <summary>-1, 0 or 1; NaN stays NaN.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="surrogate">The derivative in backward; null gives 0.</param>
    /// <param name="sharpness">The surrogate's a, k or s; null takes its paper's.</param>
    public static Tensor Sign(Tensor x, SurrogateGradient? surrogate = SurrogateGradient.StraightThrough, double? sharpness = null)
    {
        using var scope = NewDisposeScope();
        var fixedX = x.detach();
        return Attach(x, where(fixedX.isnan(), fixedX, fixedX.sign()), surrogate, sharpness).MoveToOuterDisposeScope();
    }

    /// <summary>The surrogate's integral: a smooth step whose derivative stands in for the threshold's.</summary>
    public static Tensor Integral(Tensor x, SurrogateGradient surrogate, double? sharpness = null)
    {
        using var scope = NewDisposeScope();
        // The difference of a number and itself is 0 unless it is infinite.
        var most = x.dtype == ScalarType.Float16 ? 6e4 : 1e30;
        var y = surrogate switch
        {
            SurrogateGradient.Identity => x.clamp(-most, most),
            SurrogateGradient.StraightThrough => x.clamp(-1, 1),
            SurrogateGradient.Sigmoid => (x * (sharpness ?? 4)).sigmoid(),
            SurrogateGradient.ArcTan => (x * (Math.PI / 2 * (sharpness ?? 2))).atan() / Math.PI,
            SurrogateGradient.FastSigmoid => FastSigmoid(x.clamp(-most, most), sharpness ?? 25),
            SurrogateGradient.BiReal => Parabola(x.clamp(-1, 1)) * 2,
            SurrogateGradient.Triangle => Parabola(x.clamp(-1, 1)),
            SurrogateGradient.Gaussian => (x / ((sharpness ?? 0.4) * Math.Sqrt(2))).erf() / 2,
            _ => throw new ArgumentOutOfRangeException(nameof(surrogate), surrogate, "Not a surrogate gradient."),
        };
        return y.MoveToOuterDisposeScope();
    }

    // x / (1 + k |x|), written so that the derivative far out is not the difference of two nearly equal numbers.
    private static Tensor FastSigmoid(Tensor x, double k)
    {
        var sign = where(x.lt(0), -ones_like(x), ones_like(x));
        return (1 - (1 / ((x * sign * k) + 1))) * sign / k;
    }

    private static Tensor Parabola(Tensor c) => c - (c * c.abs() / 2);

    private static Tensor Attach(Tensor x, Tensor step, SurrogateGradient? surrogate, double? sharpness)
    {
        if (surrogate is null || !x.requires_grad || !is_grad_enabled()) return step;
        var smooth = Integral(x, surrogate.Value, sharpness);
        return step + (smooth - smooth.detach());
    }
}
