using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Activations
{
    /// <summary>(sqrt(x^2 + 1) - 1) / 2 + x: the identity with a gentle bend, slope 1/2 far left and 3/2 far right.</summary>
    public static Tensor BentIdentity(Tensor x) => InSinglePrecision(x, v =>
    {
        // x^2 / (1 + sqrt(x^2 + 1)) instead of the difference, which loses all digits near 0; hypot, since x^2 may leave the type.
        var bend = v / (hypot(v, ones_like(v)) + 1);
        return v + (v / 2 * bend);
    });

    /// <summary>x / sqrt(1 + alpha x^2): the inverse square root unit. Carlile et al. 2017.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="alpha"/> is not positive.</exception>
    public static Tensor Isru(Tensor x, double alpha = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        return InSinglePrecision(x, v => InverseRoot(v, Math.Sqrt(alpha)));
    }

    /// <summary>x for x >= 0, else x / sqrt(1 + alpha x^2). Carlile et al. 2017.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="alpha"/> is not positive.</exception>
    public static Tensor Isrlu(Tensor x, double alpha = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        return InSinglePrecision(x, v => where(v.ge(0), v, InverseRoot(v, Math.Sqrt(alpha))));
    }

    /// <summary>1.7159 tanh(2 x / 3): passes through (1, 1) and (-1, -1), where its curvature is largest. LeCun et al. 1998.</summary>
    public static Tensor LecunTanh(Tensor x) => InSinglePrecision(x, v => Tanh(v * (2.0 / 3)) * 1.7159);

    // z / sqrt(1 + z^2) / s with z = s x. Beyond 1 as (1 + z^-2)^(-1/2), whose derivative does not cancel as that of the quotient does.
    private static Tensor InverseRoot(Tensor x, double s)
    {
        var z = x * s;
        var outside = z.abs().gt(1);
        Tensor inner = z.masked_fill(outside, 0), outer = where(outside, z, ones_like(z));
        var far = outer.sign() * (outer.reciprocal().square() + 1).rsqrt();
        return where(outside, far, inner * (inner.square() + 1).rsqrt()) / s;
    }

    // Half-precision numbers are computed in float32 and rounded once.
    private static Tensor InSinglePrecision(Tensor x, Func<Tensor, Tensor> function)
    {
        using var scope = NewDisposeScope();
        return (x.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? function(x.to(ScalarType.Float32)).to(x.dtype)
            : function(x)).MoveToOuterDisposeScope();
    }
}
