using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Activation functions as pure functions of a tensor of any shape. Gradients at kinks are PyTorch's:
/// relu'(0) = 0, leaky'(0) = slope, elu'(0) = alpha, hardtanh' = 0 at both limits.
/// </summary>
public static partial class Activations
{
    /// <summary>max(x, 0). Nair and Hinton 2010.</summary>
    public static Tensor Relu(Tensor x) => nn.functional.relu(x);

    /// <summary>min(max(x, 0), 6). Krizhevsky 2010.</summary>
    public static Tensor Relu6(Tensor x) => nn.functional.relu6(x);

    /// <summary>x for x > 0, else slope * x. Maas et al. 2013. PyTorch's slope is 0.01 (Keras layer 0.3).</summary>
    public static Tensor LeakyRelu(Tensor x, double slope = 0.01) => nn.functional.leaky_relu(x, slope);

    /// <summary>
    /// min(max(x, min), max), derivative 0 at both limits as PyTorch's hardtanh. TorchSharp 0.107's own returns x unchanged.
    /// </summary>
    /// <exception cref="ArgumentException"><paramref name="min"/> is not below <paramref name="max"/>.</exception>
    public static Tensor Hardtanh(Tensor x, double min = -1, double max = 1)
    {
        if (!(min < max)) throw new ArgumentException($"Hardtanh: min is {min} and max is {max}; min must be below max.", nameof(min));
        using var scope = NewDisposeScope();
        // clamp's own derivative is 1 at the limits; hardtanh's is 0 there, so the gradient is taken through a mask.
        var inside = x.gt(min).logical_and(x.lt(max));
        return where(inside, x, x.detach().clamp(min, max)).MoveToOuterDisposeScope();
    }

    /// <summary>x for x > threshold, else value.</summary>
    public static Tensor Threshold(Tensor x, double threshold, double value) => nn.functional.threshold(x, threshold, value);

    /// <summary>x for x > theta, else 0. Konda et al. 2015.</summary>
    public static Tensor ThresholdedRelu(Tensor x, double theta = 1) => nn.functional.threshold(x, theta, 0);

    /// <summary>x for |x| > lambda, else 0.</summary>
    public static Tensor Hardshrink(Tensor x, double lambda = 0.5) => nn.functional.hardshrink(x, lambda);

    /// <summary>sign(x) * max(|x| - lambda, 0).</summary>
    public static Tensor Softshrink(Tensor x, double lambda = 0.5) => nn.functional.softshrink(x, lambda);

    /// <summary>max(x, 0)^2. So et al. 2021 (Primer).</summary>
    public static Tensor SquaredRelu(Tensor x) => FusedFunction.SquaredRelu.Apply(x);

    /// <summary>
    /// scale * max(x, 0)^2 + bias with the constants that give mean 0 and variance 1 on normal input. Yu et al. 2022 (MetaFormer
    /// baselines).
    /// </summary>
    public static Tensor StarRelu(Tensor x, double scale = 0.8944, double bias = -0.4472)
    {
        using var scope = NewDisposeScope();
        return (SquaredRelu(x) * scale + bias).MoveToOuterDisposeScope();
    }

    /// <summary>Concatenation of relu(x) and relu(-x) along <paramref name="dim"/>: twice as many channels. Shang et al. 2016.</summary>
    public static Tensor Crelu(Tensor x, long dim = 1)
    {
        using var scope = NewDisposeScope();
        return nn.functional.relu(cat([x, -x], dim)).MoveToOuterDisposeScope();
    }

    /// <summary>0 for x &lt;= -1, x for x >= 1, (x+1)^2/4 between: smooth ReLU with a bounded middle piece. JAX's sparse_plus.</summary>
    public static Tensor SparsePlus(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Parabola(x, 1).MoveToOuterDisposeScope();
    }

    /// <summary>0, (x+1)/2 and 1 for x below -1, between and above 1: the derivative of <see cref="SparsePlus"/>.</summary>
    public static Tensor SparseSigmoid(Tensor x)
    {
        using var scope = NewDisposeScope();
        return ((x + 1) / 2).clamp(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>relu6(x + 3) / 6. Howard et al. 2019 (MobileNetV3); Keras 2 used 0.2 x + 0.5 instead.</summary>
    public static Tensor HardSigmoid(Tensor x) => nn.functional.hardsigmoid(x);

    /// <summary>x * relu6(x + 3) / 6. Howard et al. 2019 (MobileNetV3).</summary>
    public static Tensor HardSwish(Tensor x)
    {
        // libtorch's product with 6 overflows before the division by 6; graphics cards keep its one kernel.
        if (x.device_type != DeviceType.CPU) return nn.functional.hardswish(x);
        using var scope = NewDisposeScope();
        var right = x.gt(8);
        return where(right, x, nn.functional.hardswish(x.masked_fill(right, 8))).MoveToOuterDisposeScope();
    }

    /// <summary>x/2 * min(max(x + 2, 0), 2): a piecewise quadratic Mish (timm).</summary>
    public static Tensor HardMish(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x * 0.5 * (x + 2).clamp(0, 2)).MoveToOuterDisposeScope();
    }

    /// <summary>Quadratic between -beta and beta, 0 below, x above. Shamir et al. 2020 (SmeLU).</summary>
    public static Tensor SmoothRelu(Tensor x, double beta = 2)
    {
        using var scope = NewDisposeScope();
        return Parabola(x, beta).MoveToOuterDisposeScope();
    }

    private static Tensor Parabola(Tensor x, double beta)
    {
        Tensor left = x.le(-beta), right = x.ge(beta);
        // Uncut, the square overflows where it is not taken, and its slope times 0 is NaN.
        var middle = (x.masked_fill(left | right, 0) + beta).square() / (4 * beta);
        return where(left, zeros_like(x), where(right, x, middle));
    }
}
