using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static Cresset.Nn.Lanes;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>1 / (1 + e^-x).</summary>
internal readonly struct SigmoidKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var e = Exp(-Vector512.Abs(x));
        var d = Reciprocal(Vector512<float>.One + e.Value);
        return Choose(IsNegative(x), e.Times(d), d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var e = Exp(-Vector512.Abs(x));
        var d = Reciprocal(Vector512<float>.One + e.Value);
        slope = e.Times(d * d);
        return Choose(IsNegative(x), e.Times(d), d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => x.sigmoid();
}

/// <summary>log(sigmoid(x)).</summary>
internal readonly struct LogSigmoidKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => AtMost(x, 0) - Log1p(Exp(-Vector512.Abs(x)).Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var e = Exp(-Vector512.Abs(x));
        var d = Reciprocal(Vector512<float>.One + e.Value);
        slope = Choose(IsNegative(x), d, e.Times(d));
        return AtMost(x, 0) - Log1p(e.Value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => nn.functional.logsigmoid(x);
}

/// <summary>log(1 + e^(beta x)) / beta.</summary>
internal readonly struct SoftplusKernel(double beta, double threshold) : IFusedKernel
{
    private readonly float _beta = (float)beta;
    private readonly float _threshold = (float)threshold;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var z = x * C(_beta);
        var y = (AtLeast(z, 0) + Log1p(Exp(-Vector512.Abs(z)).Value)) / C(_beta);
        return Choose(Vector512.GreaterThan(z, C(_threshold)), x, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var z = x * C(_beta);
        var e = Exp(-Vector512.Abs(z));
        var d = Reciprocal(Vector512<float>.One + e.Value);
        var linear = Vector512.GreaterThan(z, C(_threshold));
        slope = Choose(linear, Vector512<float>.One, Choose(IsNegative(z), e.Times(d), d));
        return Choose(linear, x, (AtLeast(z, 0) + Log1p(e.Value)) / C(_beta));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => nn.functional.softplus(x, beta, threshold);
}

/// <summary>Hyperbolic tangent.</summary>
internal readonly struct TanhKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => Value(x, Exp(Vector512.Abs(x) * C(-2)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var e = Exp(Vector512.Abs(x) * C(-2));
        var d = C(2) / (Vector512<float>.One + e.Value);
        slope = e.Times(d * d);
        return Value(x, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => x.tanh();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Value(Vector512<float> x, Exponential e)
    {
        var m = e.Minus1;
        return WithSign(m / (C(2) + m), x);
    }
}

/// <summary>x - tanh(x), by its series near 0.</summary>
internal readonly struct TanhshrinkKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => Value(x, TanhKernel.Value(x, Exp(Vector512.Abs(x) * C(-2))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var tanh = TanhKernel.Value(x, Exp(Vector512.Abs(x) * C(-2)));
        slope = tanh * tanh;
        return Value(x, tanh);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => nn.functional.tanhshrink(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<float> x, Vector512<float> tanh)
    {
        var t = x * x;
        var p = Fma(C(-0.000142793185878f), t, C(0.000923500838359f));
        p = Fma(p, t, C(-0.00320680337478f));
        p = Fma(p, t, C(0.00869784758353f));
        p = Fma(p, t, C(-0.0218295488392f));
        p = Fma(p, t, C(0.0539634147536f));
        p = Fma(p, t, C(-0.133333106555f));
        p = Fma(p, t, C(0.333333331567f));
        return Choose(Vector512.LessThan(Vector512.Abs(x), Vector512<float>.One), t * p * x, x - tanh);
    }
}

/// <summary>x / (1 + |x|).</summary>
internal readonly struct SoftsignKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => x / (Vector512<float>.One + Vector512.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var d = Vector512<float>.One + Vector512.Abs(x);
        var r = Vector512<float>.One / d;
        slope = NanAtInfinity(x, r * r);
        return x / d;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => nn.functional.softsign(x);
}

/// <summary>Error function.</summary>
internal readonly struct ErfKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 10.25f);
        return Value(x, ax, Gauss(ax, 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var ax = AtMost(Vector512.Abs(x), 10.25f);
        var e = Gauss(ax, 1);
        slope = e.Times(C(1.12837917f));
        return Value(x, ax, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => x.erf();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<float> x, Vector512<float> ax, Exponential e)
    {
        var t = ax * ax;
        var p = Fma(C(7.87587506268e-5f), t, C(-0.000801686428716f));
        p = Fma(p, t, C(0.00518908742343f));
        p = Fma(p, t, C(-0.0268542120106f));
        p = Fma(p, t, C(0.112835947152f));
        p = Fma(p, t, C(-0.376126266667f));
        p = Fma(p, t, C(1.12837916585f));
        return WithSign(Choose(Vector512.LessThan(ax, Vector512<float>.One), ax * p, Vector512<float>.One - e.Times(ScaledErfc(ax))), x);
    }
}

/// <summary>scale * (x for x > 0, else alpha (e^(x / divisor) - 1)): ELU, CELU and SELU.</summary>
internal readonly struct EluKernel(double alpha, double scale, double divisor, Func<Tensor, Tensor> composed) : IFusedKernel
{
    private readonly float _scale = (float)scale;
    private readonly float _left = (float)(scale * alpha);
    private readonly float _inverse = (float)(1 / divisor);
    private readonly float _slope = (float)(scale * alpha / divisor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => Value(x, Exp(AtMost(x, 0) * C(_inverse)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var e = Exp(AtMost(x, 0) * C(_inverse));
        slope = Choose(Vector512.GreaterThan(x, Vector512<float>.Zero), C(_scale), e.Times(C(_slope)));
        return Value(x, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => composed(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Value(Vector512<float> x, Exponential e)
        => Choose(Vector512.GreaterThan(x, Vector512<float>.Zero), x * C(_scale), WithSign(e.Minus1, x) * C(_left));
}
