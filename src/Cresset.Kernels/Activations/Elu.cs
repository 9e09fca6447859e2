using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>scale * (x for x > 0, else alpha (e^(x / divisor) - 1)): ELU, CELU and SELU.</summary>
internal readonly struct EluKernel(double alpha, double scale, double divisor) : ILaneFunction
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Value(Vector512<float> x, Exponential e)
        => Choose(Vector512.GreaterThan(x, Vector512<float>.Zero), x * C(_scale), WithSign(e.Minus1, x) * C(_left));
}
