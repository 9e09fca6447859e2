using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Activations
{
    /// <summary>sin(omega x). Sitzmann et al. 2020 (SIREN: omega = 30).</summary>
    public static Tensor Sine(Tensor x, double omega = 1)
    {
        using var scope = NewDisposeScope();
        return (x * omega).sin().MoveToOuterDisposeScope();
    }

    /// <summary>x + sin^2(a x) / a. Ziyin et al. 2020.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="a"/> is zero.</exception>
    public static Tensor Snake(Tensor x, double a = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(a);
        using var scope = NewDisposeScope();
        return (x + (x * a).sin().square() / a).MoveToOuterDisposeScope();
    }

    /// <summary>x cos(x). Noel et al. 2021 (GCU).</summary>
    public static Tensor GrowingCosine(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x * x.cos()).MoveToOuterDisposeScope();
    }

    /// <summary>cos(x).</summary>
    public static Tensor Cosine(Tensor x) => x.cos();

    /// <summary>e^(-x^2): the Gaussian bump.</summary>
    public static Tensor Gaussian(Tensor x)
    {
        using var scope = NewDisposeScope();
        // e^-784 is 0 in every type; uncut, the slope of the square overflows, and times 0 it is NaN.
        return (-x.masked_fill(x.abs().gt(28), 28).square()).exp().MoveToOuterDisposeScope();
    }

    /// <summary>arctan(x).</summary>
    public static Tensor Arctan(Tensor x) => x.atan();
}
