using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Kernels;

/// <summary>
/// The loops over memory of the fused activations. Each value depends on its own inputs alone, so results are the same at any number of
/// threads; chunks are a fixed number of elements.
/// </summary>
internal static unsafe class ActivationLoops<TFunction>
    where TFunction : struct, ILaneFunction
{
    /// <summary>y = f(x). <paramref name="stream"/> writes past the caches: for results too large to stay in them.</summary>
    public static void Value(TFunction f, float* x, float* y, long count, bool stream)
    {
        stream &= IsAligned(y);
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width) Put(f.Value(Next(x + i)), y + i, stream);
        if (i < count) Store(f.Value(Load(x + i, count - i)), y + i, count - i);
        Finish(stream);
    }

    /// <summary>gx = g f'(x).</summary>
    public static void Gradient(TFunction f, float* x, float* g, float* gx, long count, bool stream)
    {
        stream &= IsAligned(gx);
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width)
        {
            Put(Next(g + i) * f.Slope(Next(x + i)), gx + i, stream);
        }
        if (i < count)
        {
            Store(Load(g + i, count - i) * f.Slope(Load(x + i, count - i)), gx + i, count - i);
        }
        Finish(stream);
    }

    /// <summary>y = f(a) b.</summary>
    public static void Gate(TFunction f, float* a, float* b, float* y, long count, bool stream)
    {
        stream &= IsAligned(y);
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width) Put(f.Value(Next(a + i)) * Next(b + i), y + i, stream);
        if (i < count) Store(f.Value(Load(a + i, count - i)) * Load(b + i, count - i), y + i, count - i);
        Finish(stream);
    }

    /// <summary>ga = g b f'(a), gb = g f(a).</summary>
    public static void GateGradient(TFunction f, float* a, float* b, float* g, float* ga, float* gb, long count, bool stream)
    {
        stream &= IsAligned(ga) && IsAligned(gb);
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width)
        {
            var value = f.ValueAndSlope(Next(a + i), out var slope);
            var up = Next(g + i);
            Put(up * Next(b + i) * slope, ga + i, stream);
            Put(up * value, gb + i, stream);
        }
        if (i < count)
        {
            var lastValue = f.ValueAndSlope(Load(a + i, count - i), out var lastSlope);
            var lastUp = Load(g + i, count - i);
            Store(lastUp * Load(b + i, count - i) * lastSlope, ga + i, count - i);
            Store(lastUp * lastValue, gb + i, count - i);
        }
        Finish(stream);
    }

    /// <summary>Loads, and asks for the memory 1 KiB ahead: the processor's own prefetching stops at every page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Next(float* from)
    {
        if (Sse.IsSupported) Sse.Prefetch0(from + 256);
        return Vector512.Load(from);
    }

    private static bool IsAligned(float* p) => ((nint)p & 63) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<float> value, float* to, bool stream)
    {
        if (stream) value.StoreAlignedNonTemporal(to);
        else value.Store(to);
    }

    /// <summary>Streamed stores become visible to other threads only behind a fence.</summary>
    private static void Finish(bool stream)
    {
        if (stream) Thread.MemoryBarrier();
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
