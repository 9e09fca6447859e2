using System.Numerics;
using System.Runtime.InteropServices;

namespace Cresset.Kernels;

/// <summary>The few operations on rows of numbers that the search needs besides its kernel.</summary>
internal static class FloatRows
{
    public static void Subtract(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> result)
    {
        for (var i = 0; i < result.Length; i++) result[i] = a[i] - b[i];
    }

    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var va = MemoryMarshal.Cast<float, Vector<float>>(a);
        var vb = MemoryMarshal.Cast<float, Vector<float>>(b[..a.Length]);
        var sum = Vector<float>.Zero;
        for (var i = 0; i < va.Length; i++) sum += va[i] * vb[i];
        var total = Vector.Sum(sum);
        for (var i = va.Length * Vector<float>.Count; i < a.Length; i++) total += a[i] * b[i];
        return total;
    }

    public static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var va = MemoryMarshal.Cast<float, Vector<float>>(a);
        var vb = MemoryMarshal.Cast<float, Vector<float>>(b[..a.Length]);
        var sum = Vector<float>.Zero;
        for (var i = 0; i < va.Length; i++)
        {
            var difference = va[i] - vb[i];
            sum += difference * difference;
        }
        var total = Vector.Sum(sum);
        for (var i = va.Length * Vector<float>.Count; i < a.Length; i++) total += (a[i] - b[i]) * (a[i] - b[i]);
        return total;
    }

    /// <summary>Position of the first NaN or infinity, -1 when all are finite.</summary>
    public static int FirstNotFinite(ReadOnlySpan<float> values)
    {
        // x - x is 0 for finite numbers and NaN for the others, and NaN survives the sum.
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var sum = Vector<float>.Zero;
        for (var i = 0; i < vectors.Length; i++) sum += vectors[i] - vectors[i];
        var finite = Vector.Sum(sum) == 0;
        for (var i = vectors.Length * Vector<float>.Count; finite && i < values.Length; i++) finite = float.IsFinite(values[i]);
        if (finite) return -1;
        var first = 0;
        while (float.IsFinite(values[first])) first++;
        return first;
    }
}
