using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>max(x, 0).</summary>
internal readonly struct ReluKernel : ILaneFunction
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
}

/// <summary>max(x, 0)^2.</summary>
internal readonly struct SquaredReluKernel : ILaneFunction
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
}
