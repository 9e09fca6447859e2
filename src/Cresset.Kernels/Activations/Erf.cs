using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>Error function.</summary>
internal readonly struct ErfKernel : ILaneFunction
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
