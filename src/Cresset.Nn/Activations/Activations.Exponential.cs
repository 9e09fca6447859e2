using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Activations
{
    /// <summary>1 / (1 + e^-x).</summary>
    public static Tensor Sigmoid(Tensor x) => FusedFunction.Sigmoid.Apply(x);

    /// <summary>log(sigmoid(x)).</summary>
    public static Tensor LogSigmoid(Tensor x) => FusedFunction.LogSigmoid.Apply(x);

    /// <summary>Hyperbolic tangent.</summary>
    public static Tensor Tanh(Tensor x) => FusedFunction.Tanh.Apply(x);

    /// <summary>x - tanh(x).</summary>
    public static Tensor Tanhshrink(Tensor x) => FusedFunction.Tanhshrink.Apply(x);

    /// <summary>x / (1 + |x|).</summary>
    public static Tensor Softsign(Tensor x) => FusedFunction.Softsign.Apply(x);

    /// <summary>log(1 + e^(beta x)) / beta, the line x itself where beta x > threshold. Dugas et al. 2001.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is not positive.</exception>
    public static Tensor Softplus(Tensor x, double beta = 1, double threshold = 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(beta);
        return FusedFunction.Softplus(beta, threshold).Apply(x);
    }

    /// <summary>x for x > 0, else alpha (e^x - 1). Clevert et al. 2016.</summary>
    public static Tensor Elu(Tensor x, double alpha = 1) => FusedFunction.Elu(alpha).Apply(x);

    /// <summary>
    /// max(x, 0) + min(alpha (e^(x/alpha) - 1), 0): ELU that stays continuously differentiable for every alpha. Barron 2017.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="alpha"/> is zero.</exception>
    public static Tensor Celu(Tensor x, double alpha = 1)
    {
        ArgumentOutOfRangeException.ThrowIfZero(alpha);
        return alpha < 0 ? nn.functional.celu(x, alpha) : FusedFunction.Celu(alpha).Apply(x);
    }

    /// <summary>
    /// 1.0507 * (x for x > 0, else 1.6733 (e^x - 1)): keeps mean 0 and variance 1 through deep nets. Klambauer et al. 2017.
    /// </summary>
    public static Tensor Selu(Tensor x) => FusedFunction.Selu.Apply(x);

    /// <summary>x * sigmoid(x), also called Swish. Hendrycks and Gimpel 2016; Elfwing et al. 2018; Ramachandran et al. 2017.</summary>
    public static Tensor Silu(Tensor x) => FusedFunction.Silu.Apply(x);

    /// <summary>x * sigmoid(beta x). Ramachandran et al. 2017.</summary>
    public static Tensor Swish(Tensor x, double beta = 1)
    {
        if (beta != 0 && double.IsFinite(beta)) return FusedFunction.Swish(beta).Apply(x);
        using var scope = NewDisposeScope();
        return (x * (x * beta).sigmoid()).MoveToOuterDisposeScope();
    }

    /// <summary>x * Phi(x) with the normal distribution function: the exact, erf form. Hendrycks and Gimpel 2016.</summary>
    public static Tensor Gelu(Tensor x) => FusedFunction.Gelu.Apply(x);

    /// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): GPT-2's "gelu_new", JAX's default.</summary>
    public static Tensor GeluTanh(Tensor x) => FusedFunction.GeluTanh.Apply(x);

    /// <summary>
    /// x/2 (1 + tanh(0.7978845608 x (1 + 0.044715 x^2))): the form with a ten digit constant that GPT-NeoX was trained with.
    /// </summary>
    public static Tensor GeluFast(Tensor x)
    {
        using var scope = NewDisposeScope();
        // From 12 on tanh is 1 in every type; uncut, the cube overflows and its slope times 0 is NaN.
        var cut = x.masked_fill(x.gt(12), 12).masked_fill(x.lt(-12), -12);
        return (x * 0.5 * (1 + (cut * 0.7978845608 * (1 + cut * 0.044715 * cut)).tanh())).MoveToOuterDisposeScope();
    }

    /// <summary>x * sigmoid(1.702 x), as CLIP.</summary>
    public static Tensor QuickGelu(Tensor x) => Swish(x, 1.702);

    /// <summary>GELU cut to [min, max]. Hugging Face's "gelu_10" is [-10, 10].</summary>
    public static Tensor ClippedGelu(Tensor x, double min = -10, double max = 10)
    {
        using var scope = NewDisposeScope();
        return Gelu(x).clamp(min, max).MoveToOuterDisposeScope();
    }

    /// <summary>x * tanh(softplus(x)). Misra 2019.</summary>
    public static Tensor Mish(Tensor x) => FusedFunction.Mish.Apply(x);

    /// <summary>Error function.</summary>
    public static Tensor Erf(Tensor x) => FusedFunction.Erf.Apply(x);

    /// <summary>(1 + erf((x - mu) / (sigma sqrt 2))) / 2. Ma et al. 2022 (Mega), mu = sqrt(1/2), sigma = sqrt(1/(4 pi)).</summary>
    public static Tensor Laplace(Tensor x, double mu = 0.707107, double sigma = 0.282095)
    {
        using var scope = NewDisposeScope();
        return (((x - mu) / (sigma * Math.Sqrt(2))).erf() + 1).mul(0.5).MoveToOuterDisposeScope();
    }

    /// <summary>sqrt(softplus(x)): router score in recent mixture-of-experts models.</summary>
    public static Tensor SqrtSoftplus(Tensor x)
    {
        using var scope = NewDisposeScope();
        // Far left softplus is e^x to all digits of the type. Its root has to be taken before e^x underflows: the root's slope at 0 is
        // infinite.
        double far = x.dtype switch { ScalarType.Float64 => -40, ScalarType.Float16 => -8, _ => -20 };
        return where(x.lt(far), (x.clamp_max(far) / 2).exp(), Softplus(x.clamp_min(far)).sqrt()).MoveToOuterDisposeScope();
    }

    /// <summary>(x + sqrt(x^2 + b)) / 2: an algebraic softplus. Barron 2021.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="b"/> is negative or not finite.</exception>
    public static Tensor Squareplus(Tensor x, double b = 4)
    {
        if (!(b >= 0 && double.IsFinite(b)))
            throw new ArgumentOutOfRangeException(nameof(b), b, "Squareplus: b must be finite and at least 0.");
        if (b == 0) return Relu(x);
        using var scope = NewDisposeScope();
        // x^2 overflows long before x does; left of 0 the sum cancels, so that there it is b / 2 over the difference.
        var root = hypot(x, full([], Math.Sqrt(b), dtype: x.dtype, device: x.device)) / 2;
        return where(x.lt(0), b / 4 / (root - (x.clamp_max(0) / 2)), root + (x / 2)).MoveToOuterDisposeScope();
    }

    /// <summary>e^x.</summary>
    public static Tensor Exponential(Tensor x) => x.exp();

    /// <summary>x tanh(e^x). Liu and Di 2020.</summary>
    public static Tensor TanhExp(Tensor x)
    {
        using var scope = NewDisposeScope();
        // e^x overflows from 88 in float32, where tanh is 1 long before: the cut keeps the gradient finite.
        return (x * x.clamp_max(20).exp().tanh()).MoveToOuterDisposeScope();
    }

    /// <summary>x tanh(x). Roy et al. 2019 (LiSHT).</summary>
    public static Tensor Lisht(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x * x.tanh()).MoveToOuterDisposeScope();
    }

    /// <summary>x erf(softplus(x)). Nag et al. 2021 (SERF).</summary>
    public static Tensor Serf(Tensor x)
    {
        using var scope = NewDisposeScope();
        // x e^x is 0 in every type from -1000 on, where the slope of the product would be infinity times 0.
        return (x.masked_fill(x.lt(-1000), -1000) * Softplus(x).erf()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// x > 0: alphaP x^2 + beta x, else alphaN (e^min(x,eps) - 1 - x) + beta x. Huang 2025 (xIELU).
    /// </summary>
    public static Tensor Xielu(Tensor x, double alphaP = 0.8, double alphaN = 0.8, double beta = 0.5, double eps = -1e-6)
    {
        using var scope = NewDisposeScope();
        // Without the clamp the branch that is not taken has an infinite slope far left, and 0 times that is NaN.
        var positive = x.clamp_min(0).square() * alphaP + x * beta;
        var negative = (x.clamp_max(eps).expm1() - x) * alphaN + x * beta;
        return where(x.gt(0), positive, negative).MoveToOuterDisposeScope();
    }

    /// <summary>x itself (an alias of it, so that a module never returns its own input).</summary>
    public static Tensor Identity(Tensor x) => x.alias();
}
