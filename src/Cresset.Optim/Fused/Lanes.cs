using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Optim;

/// <summary>Vector operations that the generic vector types lack.</summary>
internal static class Lanes
{
    /// <summary>a * b + c with one rounding, as libtorch's kernels do it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MultiplyAdd<T>(Vector512<T> a, Vector512<T> b, Vector512<T> c)
        => typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(a.As<T, float>(), b.As<T, float>(), c.As<T, float>()).As<float, T>()
            : Vector512.FusedMultiplyAdd(a.As<T, double>(), b.As<T, double>(), c.As<T, double>()).As<double, T>();
}
