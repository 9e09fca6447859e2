using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Cresset.Kernels.Lanes;

namespace Cresset.Kernels;

/// <summary>Sums of products over a neighbourhood for 16 columns, four channels at a time.</summary>
internal static unsafe class ReassemblyKernels
{
    private const int Width = 16;

    /// <summary>Sums for two result rows that look at the same sources: starts[dy] is the leftmost source of channel 0.</summary>
    public static void Sum(float** starts, long stride, int kernel, int step, float* weightsA, float* weightsB, float* a, float* b)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var dy = 0; dy < kernel; dy++)
        {
            float* p0 = starts[dy], p1 = p0 + stride, p2 = p1 + stride, p3 = p2 + stride;
            for (var dx = 0; dx < kernel; dx++)
            {
                Vector512<float> wa = Vector512.Load(weightsA), wb = Vector512.Load(weightsB), v = Vector512.Load(p0);
                a0 = Fma(wa, v, a0);
                b0 = Fma(wb, v, b0);
                v = Vector512.Load(p1);
                a1 = Fma(wa, v, a1);
                b1 = Fma(wb, v, b1);
                v = Vector512.Load(p2);
                a2 = Fma(wa, v, a2);
                b2 = Fma(wb, v, b2);
                v = Vector512.Load(p3);
                a3 = Fma(wa, v, a3);
                b3 = Fma(wb, v, b3);
                weightsA += stride;
                weightsB += stride;
                p0 += step;
                p1 += step;
                p2 += step;
                p3 += step;
            }
        }
        a0.Store(a);
        a1.Store(a + stride);
        a2.Store(a + 2 * stride);
        a3.Store(a + 3 * stride);
        b0.Store(b);
        b1.Store(b + stride);
        b2.Store(b + 2 * stride);
        b3.Store(b + 3 * stride);
    }

    /// <summary>Adds one row of taps to four channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float* start, float* weights, long stride, int kernel, int step, ref Vector512<float> s0,
        ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
    {
        float* p0 = start, p1 = p0 + stride, p2 = p1 + stride, p3 = p2 + stride;
        for (var dx = 0; dx < kernel; dx++)
        {
            // The place of the weight moves with that of the gradient.
            var w = Vector512.Load(weights);
            s0 = Fma(w, Vector512.Load(p0), s0);
            s1 = Fma(w, Vector512.Load(p1), s1);
            s2 = Fma(w, Vector512.Load(p2), s2);
            s3 = Fma(w, Vector512.Load(p3), s3);
            weights += stride + step;
            p0 += step;
            p1 += step;
            p2 += step;
            p3 += step;
        }
    }

    /// <summary>For each of the taps of a row: the sum over channels of gradient times source.</summary>
    public static void Products(float* row, long stride, int channels, int kernel, int step, float* gradient, float* to)
    {
        var dx = 0;
        for (; dx + 5 <= kernel; dx += 5)
        {
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default;
            float* p = row + dx * step, g = gradient;
            for (var c = 0; c < channels; c++)
            {
                var up = Vector512.Load(g);
                s0 = Fma(up, Vector512.Load(p), s0);
                s1 = Fma(up, Vector512.Load(p + step), s1);
                s2 = Fma(up, Vector512.Load(p + 2 * step), s2);
                s3 = Fma(up, Vector512.Load(p + 3 * step), s3);
                s4 = Fma(up, Vector512.Load(p + 4 * step), s4);
                p += stride;
                g += stride;
            }
            var place = to + dx * stride;
            s0.Store(place);
            s1.Store(place + stride);
            s2.Store(place + 2 * stride);
            s3.Store(place + 3 * stride);
            s4.Store(place + 4 * stride);
        }
        for (; dx < kernel; dx++)
        {
            Vector512<float> even = default, odd = default;
            float* p = row + dx * step, g = gradient;
            var c = 0;
            for (; c + 2 <= channels; c += 2)
            {
                even = Fma(Vector512.Load(g), Vector512.Load(p), even);
                odd = Fma(Vector512.Load(g + stride), Vector512.Load(p + stride), odd);
                p += 2 * stride;
                g += 2 * stride;
            }
            if (c < channels) even = Fma(Vector512.Load(g), Vector512.Load(p), even);
            (even + odd).Store(to + dx * stride);
        }
    }

    /// <summary>A row out of the caches.</summary>
    public static void Copy(float* from, float* to, long width, bool stream)
    {
        stream &= ((nint)to & 63) == 0;
        long x = 0;
        for (; stream && x <= width - Width; x += Width) Vector512.Load(from + x).StoreAlignedNonTemporal(to + x);
        new ReadOnlySpan<float>(from + x, (int)(width - x)).CopyTo(new Span<float>(to + x, (int)(width - x)));
    }
}
