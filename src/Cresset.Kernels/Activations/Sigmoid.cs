using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>1 / (1 + e^-x).</summary>
internal readonly struct SigmoidKernel : ILaneFunction
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
}

/// <summary>log(sigmoid(x)).</summary>
internal readonly struct LogSigmoidKernel : ILaneFunction
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
}

/// <summary>log(1 + e^(beta x)) / beta.</summary>
internal readonly struct SoftplusKernel(double beta, double threshold) : ILaneFunction
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
}
