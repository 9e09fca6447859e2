using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>x Phi(x), erf form.</summary>
internal readonly struct GeluKernel : ILaneFunction
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
internal readonly struct GeluTanhKernel : ILaneFunction
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
