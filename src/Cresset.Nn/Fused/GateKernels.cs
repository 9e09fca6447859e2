using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static Cresset.Nn.Lanes;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>x * sigmoid(beta x); beta as a float plus what the float lost.</summary>
internal readonly struct SwishKernel(double beta) : IFusedKernel
{
    private readonly float _beta = (float)beta;
    private readonly float _betaLow = (float)(beta - (float)beta);
    private readonly float _limit = (float)(150 / Math.Abs(beta));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var (ax, e, d, negative) = Parts(x);
        return NanAtMinusInfinity(_beta < 0 ? -x : x, Choose(negative, e.Times(WithSign(ax, x) * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var (ax, e, d, negative) = Parts(x);
        var z = ax * C(Math.Abs(_beta));
        var dd = d * d;
        var one = Vector512<float>.One + e.Value;
        // s + z s': over (1 + e)^2 the numerator is 1 + e + z e right of 0 and e (1 + e - z) left of it.
        slope = NanAtInfinity(x, Choose(negative, e.Times((one - z) * dd), Fma(z, e.Value, one) * dd));
        return NanAtMinusInfinity(_beta < 0 ? -x : x, Choose(negative, e.Times(WithSign(ax, x) * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (x.device_type == DeviceType.CPU) x = Ended(x);
        return (x * (x * beta).sigmoid()).MoveToOuterDisposeScope();
    }

    /// <summary>Where the sigmoid is 0 in every type the product's slope is 0, not 0 times an overflow.</summary>
    private Tensor Ended(Tensor x)
    {
        var end = 1000 / beta;
        if (Math.Abs(end) > (x.dtype == ScalarType.Float16 ? 6e4 : 1e30)) return x;
        return beta > 0 ? Finite.AtLeast(x, -end) : Finite.AtMost(x, -end);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (Vector512<float> Ax, Exponential E, Vector512<float> D, Vector512<float> Negative) Parts(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), _limit);
        var b = C(Math.Abs(_beta));
        var high = ax * b;
        var low = Fma(ax, b, -high) + (ax * C(_beta < 0 ? -_betaLow : _betaLow));
        var e = Exp(-high).Nudge(-low);
        return (ax, e, Reciprocal(Vector512<float>.One + e.Value), IsNegative(_beta < 0 ? -x : x));
    }
}

/// <summary>x * sigmoid(x).</summary>
internal readonly struct SiluKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var d = Reciprocal(Vector512<float>.One + e.Value);
        return NanAtMinusInfinity(x, Choose(IsNegative(x), e.Times(-ax * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var value = e.Value;
        var one = Vector512<float>.One + value;
        var d = Reciprocal(one);
        var dd = d * d;
        var negative = IsNegative(x);
        slope = NanAtInfinity(x, Choose(negative, e.Times((one - ax) * dd), Fma(ax, value, one) * dd));
        return NanAtMinusInfinity(x, Choose(negative, e.Times(-ax * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var value = e.Value;
        var one = Vector512<float>.One + value;
        var d = Reciprocal(one);
        var dd = d * d;
        return NanAtInfinity(x, Choose(IsNegative(x), e.Times((one - ax) * dd), Fma(ax, value, one) * dd));
    }

    public Tensor Composed(Tensor x) => nn.functional.silu(x);
}

/// <summary>x Phi(x), erf form.</summary>
internal readonly struct GeluKernel : IFusedKernel
{
    private const float HalfSqrt2 = 0.70710678f;
    private const float DensityAtZero = 0.39894228f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 14.5f);
        return Value(x, ax, HalfScaledErfc(ax * C(HalfSqrt2)), Gauss(ax, 0.5f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var ax = AtMost(Vector512.Abs(x), 14.5f);
        var half = HalfScaledErfc(ax * C(HalfSqrt2));
        var e = Gauss(ax, 0.5f);
        slope = Slope(x, ax, half, e);
        return Value(x, ax, half, e);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 14.5f);
        return Slope(x, ax, HalfScaledErfc(ax * C(HalfSqrt2)), Gauss(ax, 0.5f));
    }

    public Tensor Composed(Tensor x) => nn.functional.gelu(x);

    // max(x, 0) - |x| Phi(-|x|). x - x makes it NaN at both infinities, as PyTorch's float32 GELU is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<float> x, Vector512<float> ax, Vector512<float> half, Exponential e)
        => AtLeast(x, 0) - e.Times(ax * half) - (x - x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Slope(Vector512<float> x, Vector512<float> ax, Vector512<float> half, Exponential e)
    {
        var mixed = e.Times(Fma(ax, C(-DensityAtZero), half));
        return Choose(IsNegative(x), mixed, Vector512<float>.One - mixed) - (x - x);
    }
}

/// <summary>x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)): GELU's tanh form.</summary>
internal readonly struct GeluTanhKernel : IFusedKernel
{
    // 2 sqrt(2/pi) and its product with 0.044715, each as the nearest float and the rest.
    private const double K = 1.5957691216057308;
    private const double Kc = K * 0.044715;
    private const float KHigh = (float)K;
    private const float KLow = (float)(K - KHigh);
    private const float KcHigh = (float)Kc;
    private const float KcLow = (float)(Kc - KcHigh);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 12);
        var e = Argument(ax);
        var d = Reciprocal(Vector512<float>.One + e.Value);
        return NanAtMinusInfinity(x, Choose(IsNegative(x), e.Times(-ax * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var ax = AtMost(Vector512.Abs(x), 12);
        var e = Argument(ax);
        var value = e.Value;
        var one = Vector512<float>.One + value;
        var d = Reciprocal(one);
        var dd = d * d;
        var inner = ax * Fma(ax * ax, C((float)(3 * Kc)), C(KHigh));
        var negative = IsNegative(x);
        slope = NanAtInfinity(x, Choose(negative, e.Times((one - inner) * dd), Fma(inner, value, one) * dd));
        return NanAtMinusInfinity(x, Choose(negative, e.Times(-ax * d), x * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x)
    {
        // libtorch cubes x, which overflows long before x does; graphics cards keep its one kernel.
        if (x.device_type != DeviceType.CPU) return x.gelu(TorchSharp.Modules.GELU.Approximate.tanh);
        using var scope = NewDisposeScope();
        var right = x.gt(1000) & x.lt(double.PositiveInfinity);
        return where(right, x, Finite.AtLeast(x.masked_fill(right, 1000), -1000).gelu(TorchSharp.Modules.GELU.Approximate.tanh)).MoveToOuterDisposeScope();
    }

    // e^-z with z = x (K + Kc x^2) carried to twice the precision: z reaches 100 where its rounding alone costs 64 units.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Exponential Argument(Vector512<float> ax)
    {
        var square = ax * ax;
        var squareLow = Fma(ax, ax, -square);
        var p = square * C(KcHigh);
        var pLow = Fma(square, C(KcHigh), -p) + Fma(square, C(KcLow), squareLow * C(KcHigh));
        var s = C(KHigh) + p;
        var back = s - C(KHigh);
        var sLow = (C(KHigh) - (s - back)) + (p - back) + pLow + C(KLow);
        var z = ax * s;
        var low = Fma(ax, s, -z) + (ax * sLow);
        return Exp(-z).Nudge(-low);
    }
}

/// <summary>x tanh(softplus(x)) with one exponential: n / (n + 2), n = e^x (e^x + 2).</summary>
internal readonly struct MishKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var f = e.Value;
        var negative = IsNegative(x);
        var (left, right) = (Fma(f, f + C(2), C(2)), Fma(C(2) * f, f + Vector512<float>.One, Vector512<float>.One));
        var d = Reciprocal(Choose(negative, left, right));
        return NanAtMinusInfinity(x, Choose(negative, e.Times(-ax * (f + C(2)) * d), x * Fma(C(2), f, Vector512<float>.One) * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var one = Vector512<float>.One;
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var f = e.Value;
        var negative = IsNegative(x);
        var (left, right) = (Fma(f, f + C(2), C(2)), Fma(C(2) * f, f + one, one));
        var d = Reciprocal(Choose(negative, left, right));
        var dd = d * d;
        // Left of 0 with e = e^x, right with f = e^-x: both are [n (n + 2) + 4 x e (1 + e)] / (n + 2)^2 with the powers cancelled.
        var slopeLeft = e.Times(Fma(f + C(2), left, C(-4) * ax * (one + f)) * dd);
        var slopeRight = Fma(Fma(C(2), f, one), right, C(4) * ax * f * f * (one + f)) * dd;
        slope = NanAtInfinity(x, Choose(negative, slopeLeft, slopeRight));
        return NanAtMinusInfinity(x, Choose(negative, e.Times(-ax * (f + C(2)) * d), x * Fma(C(2), f, one) * d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        var one = Vector512<float>.One;
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var f = e.Value;
        var negative = IsNegative(x);
        var (left, right) = (Fma(f, f + C(2), C(2)), Fma(C(2) * f, f + one, one));
        var d = Reciprocal(Choose(negative, left, right));
        var dd = d * d;
        var slopeLeft = e.Times(Fma(f + C(2), left, C(-4) * ax * (one + f)) * dd);
        var slopeRight = Fma(Fma(C(2), f, one), right, C(4) * ax * f * f * (one + f)) * dd;
        return NanAtInfinity(x, Choose(negative, slopeLeft, slopeRight));
    }

    public Tensor Composed(Tensor x) => nn.functional.mish(x);
}

/// <summary>max(x, 0).</summary>
internal readonly struct ReluKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => AtLeast(x, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        slope = Choose(Vector512.LessThanOrEqual(x, Vector512<float>.Zero), Vector512<float>.Zero, Vector512<float>.One);
        return AtLeast(x, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x) => nn.functional.relu(x);
}

/// <summary>max(x, 0)^2.</summary>
internal readonly struct SquaredReluKernel : IFusedKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x)
    {
        var r = AtLeast(x, 0);
        return r * r;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var r = AtLeast(x, 0);
        slope = r + r;
        return r * r;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x)
    {
        ValueAndSlope(x, out var slope);
        return slope;
    }

    public Tensor Composed(Tensor x)
    {
        using var scope = NewDisposeScope();
        return nn.functional.relu(x).square().MoveToOuterDisposeScope();
    }
}
