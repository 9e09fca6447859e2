using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>Hyperbolic tangent.</summary>
internal readonly struct TanhKernel : ILaneFunction
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Value(Vector512<float> x, Exponential e)
    {
        var m = e.Minus1;
        return WithSign(m / (C(2) + m), x);
    }
}

/// <summary>x - tanh(x), by its series near 0.</summary>
internal readonly struct TanhshrinkKernel : ILaneFunction
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
internal readonly struct SoftsignKernel : ILaneFunction
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
}
