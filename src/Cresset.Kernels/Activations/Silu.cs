using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>x * sigmoid(x).</summary>
internal readonly struct SiluKernel : ILaneFunction
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
}

/// <summary>x * sigmoid(beta x); beta as a float plus what the float lost.</summary>
internal readonly struct SwishKernel(double beta) : ILaneFunction
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
