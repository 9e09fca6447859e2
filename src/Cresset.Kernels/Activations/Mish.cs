using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>x tanh(softplus(x)) with one exponential: n / (n + 2), n = e^x (e^x + 2).</summary>
internal readonly struct MishKernel : ILaneFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Value(Vector512<float> x) => Value(x, PartsOf(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope)
    {
        var parts = PartsOf(x);
        slope = Slope(x, parts);
        return Value(x, parts);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> x) => Slope(x, PartsOf(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Value(Vector512<float> x, in Parts p)
        => NanAtMinusInfinity(x,
            Choose(IsNegative(x), p.E.Times(-p.Ax * (p.F + C(2)) * p.D), x * Fma(C(2), p.F, Vector512<float>.One) * p.D));

    // Left of 0 with e = e^x, right with f = e^-x: both are [n (n + 2) + 4 x e (1 + e)] / (n + 2)^2 with the powers cancelled.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Slope(Vector512<float> x, in Parts p)
    {
        var one = Vector512<float>.One;
        var dd = p.D * p.D;
        var left = p.E.Times(Fma(p.F + C(2), p.Left, C(-4) * p.Ax * (one + p.F)) * dd);
        var right = Fma(Fma(C(2), p.F, one), p.Right, C(4) * p.Ax * p.F * p.F * (one + p.F)) * dd;
        return NanAtInfinity(x, Choose(IsNegative(x), left, right));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Parts PartsOf(Vector512<float> x)
    {
        var ax = AtMost(Vector512.Abs(x), 150);
        var e = ExpBounded(-ax);
        var f = e.Value;
        var (left, right) = (Fma(f, f + C(2), C(2)), Fma(C(2) * f, f + Vector512<float>.One, Vector512<float>.One));
        return new(ax, e, f, left, right, Reciprocal(Choose(IsNegative(x), left, right)));
    }

    // |x|, e^-|x| in parts and rounded, n + 2 left and right of 0 over its power of e, and its reciprocal.
    private readonly record struct Parts(Vector512<float> Ax, Exponential E, Vector512<float> F, Vector512<float> Left,
        Vector512<float> Right, Vector512<float> D);
}
