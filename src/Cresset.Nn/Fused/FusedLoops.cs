using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// The loops over memory of the fused activations. Each value depends on its own inputs alone, so results are the same at
/// any number of threads; chunks are a fixed number of elements.
/// </summary>
internal static unsafe class FusedLoops<TKernel>
    where TKernel : struct, IFusedKernel
{
    /// <summary>y = f(x).</summary>
    public static void Value(TKernel kernel, float* x, float* y, long count)
    {
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width) kernel.Value(Vector512.Load(x + i)).Store(y + i);
        if (i < count) Store(kernel.Value(Load(x + i, count - i)), y + i, count - i);
    }

    /// <summary>gx = g f'(x).</summary>
    public static void Gradient(TKernel kernel, float* x, float* g, float* gx, long count)
    {
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width)
        {
            kernel.ValueAndSlope(Vector512.Load(x + i), out var slope);
            (Vector512.Load(g + i) * slope).Store(gx + i);
        }
        if (i == count) return;
        kernel.ValueAndSlope(Load(x + i, count - i), out var last);
        Store(Load(g + i, count - i) * last, gx + i, count - i);
    }

    /// <summary>y = f(a) b.</summary>
    public static void Gate(TKernel kernel, float* a, float* b, float* y, long count)
    {
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width) (kernel.Value(Vector512.Load(a + i)) * Vector512.Load(b + i)).Store(y + i);
        if (i < count) Store(kernel.Value(Load(a + i, count - i)) * Load(b + i, count - i), y + i, count - i);
    }

    /// <summary>ga = g b f'(a), gb = g f(a).</summary>
    public static void GateGradient(TKernel kernel, float* a, float* b, float* g, float* ga, float* gb, long count)
    {
        var width = Vector512<float>.Count;
        long i = 0;
        for (; i <= count - width; i += width)
        {
            var value = kernel.ValueAndSlope(Vector512.Load(a + i), out var slope);
            var up = Vector512.Load(g + i);
            (up * Vector512.Load(b + i) * slope).Store(ga + i);
            (up * value).Store(gb + i);
        }
        if (i == count) return;
        var lastValue = kernel.ValueAndSlope(Load(a + i, count - i), out var lastSlope);
        var lastUp = Load(g + i, count - i);
        Store(lastUp * Load(b + i, count - i) * lastSlope, ga + i, count - i);
        Store(lastUp * lastValue, gb + i, count - i);
    }

    private static Vector512<float> Load(float* from, long count)
    {
        Vector512<float> result = default;
        Unsafe.CopyBlockUnaligned(&result, from, (uint)(count * sizeof(float)));
        return result;
    }

    private static void Store(Vector512<float> value, float* to, long count) => Unsafe.CopyBlockUnaligned(to, &value, (uint)(count * sizeof(float)));
}

/// <summary>Splits a range into fixed chunks over libtorch's number of threads.</summary>
internal static class Chunks
{
    private const long Size = 1 << 16;

    /// <summary>Runs <paramref name="work"/>(start, count) over [0, total); <paramref name="weight"/> is the number of elements behind each unit.</summary>
    public static void Run(long total, Action<long, long> work, long weight = 1)
    {
        var size = Math.Max(1, Size / weight);
        var chunks = (total + size - 1) / size;
        var threads = get_num_threads();
        if (chunks <= 1 || threads <= 1)
        {
            work(0, total);
            return;
        }
        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads }, c => work(c * size, Math.Min(size, total - (c * size))));
    }
}
