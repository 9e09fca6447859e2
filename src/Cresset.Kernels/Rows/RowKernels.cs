using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Kernels;

/// <summary>
/// One row of float32 from others: across rows (the taps are whole rows) and along a row. Measured in bench/results/upsampling.md.
/// </summary>
internal static unsafe class RowKernels
{
    private const int Lanes = LaneTaps.Lanes;

    /// <summary>to[x] = sum of weights[k] rows[k][x]; <paramref name="stream"/> writes past the caches.</summary>
    public static void Combine(float** rows, float* weights, int taps, float* to, long width, bool stream)
    {
        stream &= ((nint)to & 63) == 0;
        switch (taps)
        {
            case 0: new Span<float>(to, (int)width).Clear(); break;
            case 1: One(rows[0], weights[0], to, width, stream); break;
            case 2: Two(rows[0], rows[1], weights[0], weights[1], to, width, stream); break;
            case 4: Four(rows, weights, to, width, stream); break;
            default: Any(rows, weights, taps, to, width, stream); break;
        }
    }

    /// <summary>
    /// to[o] = sum over the taps of o, from one row. Room for whole blocks of 16 behind <paramref name="to"/> is used where <paramref
    /// name="padded"/>.
    /// </summary>
    public static void Along(AxisTaps taps, float* from, float* to, bool padded, bool stream)
    {
        if (!Avx512F.IsSupported)
        {
            Scalar(taps, from, to, 0, taps.OutSize);
            return;
        }
        var small = stackalloc float[LaneTaps.Window];
        if (taps.InSize < LaneTaps.Window)
        {
            Vector512<float>.Zero.Store(small);
            Vector512<float>.Zero.Store(small + Lanes);
            Unsafe.CopyBlockUnaligned(small, from, (uint)(taps.InSize * sizeof(float)));
            from = small;
        }
        var lanes = taps.Lanes;
        stream &= ((nint)to & 63) == 0;
        var blocks = lanes.Blocks;
        for (var b = 0; b < lanes.Count; b++)
        {
            var start = b * Lanes;
            ref var block = ref blocks[b];
            if (block.Reach == LaneTaps.Reach.Wide)
            {
                Scalar(taps, from, to, start, Math.Min(start + Lanes, taps.OutSize));
                continue;
            }
            var sum = block.Masked ? Masked(lanes, block.First, block.Taps, from) : block.Reach == LaneTaps.Reach.Shared
                ? Shared(lanes, block.First, block.Taps, from) : Own(lanes, block.First, block.Taps, from);
            if (!padded && start + Lanes > taps.OutSize) Store(sum, to + start, taps.OutSize - start);
            else Put(sum, to + start, stream);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Shared(LaneTaps lanes, int first, int taps, float* from)
    {
        var window = from + lanes.Bases[first];
        Vector512<float> low = Vector512.Load(window), high = Vector512.Load(window + Lanes);
        var picks = lanes.Picks + (long)first * Lanes;
        var weights = lanes.Weights + (long)first * Lanes;
        var sum = Avx512F.PermuteVar16x32x2(low, Vector512.Load(picks), high) * Vector512.Load(weights);
        for (var k = 1; k < taps; k++)
        {
            sum = Fma(Avx512F.PermuteVar16x32x2(low, Vector512.Load(picks + k * Lanes), high), Vector512.Load(weights + k * Lanes), sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Own(LaneTaps lanes, int first, int taps, float* from)
    {
        var sum = Picked(lanes, first, from) * Vector512.Load(lanes.Weights + (long)first * Lanes);
        for (var k = first + 1; k < first + taps; k++)
            sum = Fma(Picked(lanes, k, from), Vector512.Load(lanes.Weights + (long)k * Lanes), sum);
        return sum;
    }

    // A lane without this tap takes 0: its weight of 0 alone would turn an infinity into NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Masked(LaneTaps lanes, int first, int taps, float* from)
    {
        var sum = Vector512<float>.Zero;
        for (var k = first; k < first + taps; k++)
        {
            var value = Picked(lanes, k, from) & Vector512.Load(lanes.Masks + (long)k * Lanes).AsSingle();
            sum = Fma(value, Vector512.Load(lanes.Weights + (long)k * Lanes), sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Picked(LaneTaps lanes, int tap, float* from)
    {
        var window = from + lanes.Bases[tap];
        return Avx512F.PermuteVar16x32x2(Vector512.Load(window), Vector512.Load(lanes.Picks + (long)tap * Lanes),
            Vector512.Load(window + Lanes));
    }

    private static void Scalar(AxisTaps taps, float* from, float* to, int start, int end)
    {
        int* first = taps.First, index = taps.Index;
        var weight = taps.Weight;
        for (var o = start; o < end; o++)
        {
            int j = first[o], last = first[o + 1];
            var sum = j < last ? from[index[j]] * weight[j] : 0;
            for (j++; j < last; j++) sum = MathF.FusedMultiplyAdd(from[index[j]], weight[j], sum);
            to[o] = sum;
        }
    }

    private static void One(float* row, float weight, float* to, long width, bool stream)
    {
        var w = Vector512.Create(weight);
        long x = 0;
        for (; x <= width - Lanes; x += Lanes) Put(Vector512.Load(row + x) * w, to + x, stream);
        if (x < width) Store(Load(row + x, width - x) * w, to + x, width - x);
    }

    private static void Two(float* a, float* b, float weightA, float weightB, float* to, long width, bool stream)
    {
        Vector512<float> wa = Vector512.Create(weightA), wb = Vector512.Create(weightB);
        long x = 0;
        for (; x <= width - Lanes; x += Lanes) Put(Fma(Vector512.Load(b + x), wb, Vector512.Load(a + x) * wa), to + x, stream);
        if (x < width) Store(Fma(Load(b + x, width - x), wb, Load(a + x, width - x) * wa), to + x, width - x);
    }

    private static void Four(float** rows, float* weights, float* to, long width, bool stream)
    {
        float* a = rows[0], b = rows[1], c = rows[2], d = rows[3];
        Vector512<float> wa = Vector512.Create(weights[0]), wb = Vector512.Create(weights[1]), wc = Vector512.Create(weights[2]),
            wd = Vector512.Create(weights[3]);
        long x = 0;
        for (; x <= width - Lanes; x += Lanes)
        {
            var sum = Fma(Vector512.Load(b + x), wb, Vector512.Load(a + x) * wa);
            Put(Fma(Vector512.Load(d + x), wd, Fma(Vector512.Load(c + x), wc, sum)), to + x, stream);
        }
        if (x < width)
        {
            var sum = Fma(Load(b + x, width - x), wb, Load(a + x, width - x) * wa);
            Store(Fma(Load(d + x, width - x), wd, Fma(Load(c + x, width - x), wc, sum)), to + x, width - x);
        }
    }

    private static void Any(float** rows, float* weights, int taps, float* to, long width, bool stream)
    {
        long x = 0;
        for (; x <= width - (2 * Lanes); x += 2 * Lanes)
        {
            var w = Vector512.Create(weights[0]);
            Vector512<float> s0 = Vector512.Load(rows[0] + x) * w, s1 = Vector512.Load(rows[0] + x + Lanes) * w;
            for (var k = 1; k < taps; k++)
            {
                w = Vector512.Create(weights[k]);
                var row = rows[k] + x;
                s0 = Fma(Vector512.Load(row), w, s0);
                s1 = Fma(Vector512.Load(row + Lanes), w, s1);
            }
            Put(s0, to + x, stream);
            Put(s1, to + x + Lanes, stream);
        }
        for (; x < width; x += Lanes)
        {
            var some = Math.Min(Lanes, width - x);
            var sum = Load(rows[0] + x, some) * Vector512.Create(weights[0]);
            for (var k = 1; k < taps; k++) sum = Fma(Load(rows[k] + x, some), Vector512.Create(weights[k]), sum);
            Store(sum, to + x, some);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<float> value, float* to, bool stream)
    {
        if (stream) value.StoreAlignedNonTemporal(to);
        else value.Store(to);
    }

    private static Vector512<float> Load(float* from, long count)
    {
        Vector512<float> result = default;
        Unsafe.CopyBlockUnaligned(&result, from, (uint)(count * sizeof(float)));
        return result;
    }

    private static void Store(Vector512<float> value, float* to, long count) =>
        Unsafe.CopyBlockUnaligned(to, &value, (uint)(count * sizeof(float)));
}
