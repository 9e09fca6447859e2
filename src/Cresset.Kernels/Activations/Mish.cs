using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>x tanh(softplus(x)) with one exponential: n / (n + 2), n = e^x (e^x + 2).</summary>
internal readonly struct MishKernel : ILaneFunction
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
}
