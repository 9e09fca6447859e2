using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Pixel shuffle and its inverse, float32 on the CPU: rows of r planes become one row, number by number, and back.</summary>
internal static unsafe class ShuffleRows
{
    private const int Lanes = 16;

    /// <summary>[..., C r^2, H, W] to [..., C, r H, r W].</summary>
    public static Tensor Shuffle(Tensor x, int factor)
    {
        var shape = x.shape;
        (shape[^3], shape[^2], shape[^1]) = (shape[^3] / ((long)factor * factor), shape[^2] * factor, shape[^1] * factor);
        return Move(x, shape, factor, true);
    }

    /// <summary>[..., C, r H, r W] to [..., C r^2, H, W].</summary>
    public static Tensor Unshuffle(Tensor x, int factor)
    {
        var shape = x.shape;
        (shape[^3], shape[^2], shape[^1]) = (shape[^3] * factor * factor, shape[^2] / factor, shape[^1] / factor);
        return Move(x, shape, factor, false);
    }

    private static Tensor Move(Tensor x, long[] shape, int factor, bool join)
    {
        using var scope = NewDisposeScope();
        x = x.contiguous();
        var y = TensorView.New<float>(shape);
        var (height, width) = join ? (x.size(-2), x.size(-1)) : (y.size(-2), y.size(-1));
        using TensorView<float> from = TensorView.Dense<float>(x), to = TensorView.Dense<float>(y, from.Count);
        var stream = TensorWork.Streams(to.Count);
        TensorWork.Chunks(to.Count / (width * factor), Work, width * factor);
        return y.MoveToOuterDisposeScope();

        // Every row of the large picture belongs to the same row of r small planes.
        void Work(long start, long count)
        {
            var row = (float*)NativeMemory.AlignedAlloc((nuint)(((width + 15) & ~15L) * factor * sizeof(float)), 64);
            try
            {
                for (var r = start; r < start + count; r++)
                {
                    var (plane, y) = Math.DivRem(r, height * factor);
                    var (i, part) = Math.DivRem(y, factor);
                    var small = ((plane * factor + part) * factor * height + i) * width;
                    if (join) Join(from.Start + small, height * width, factor, width, to.Start + r * factor * width, row, stream);
                    else Split(from.Start + r * factor * width, to.Start + small, height * width, factor, width, row, stream);
                }
            }
            finally
            {
                NativeMemory.AlignedFree(row);
            }
            if (stream) Thread.MemoryBarrier();
        }
    }

    private static void Join(float* from, long plane, int factor, long width, float* to, float* row, bool stream)
    {
        long x = 0;
        if (factor == 2 && Avx512F.IsSupported)
        {
            var (low, high) = (Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
            var past = stream && ((nint)to & 63) == 0;
            for (; x <= width - Lanes; x += Lanes)
            {
                Vector512<float> a = Vector512.Load(from + x), b = Vector512.Load(from + plane + x);
                Put(Avx512F.PermuteVar16x32x2(a, low, b), to + 2 * x, past);
                Put(Avx512F.PermuteVar16x32x2(a, high, b), to + 2 * x + Lanes, past);
            }
            for (; x < width; x++) (to[2 * x], to[2 * x + 1]) = (from[x], from[plane + x]);
            return;
        }
        for (var k = 0; k < factor; k++)
        {
            var source = from + k * plane;
            for (x = 0; x < width; x++) row[x * factor + k] = source[x];
        }
        ReassemblyKernels.Copy(row, to, width * factor, stream);
    }

    private static void Split(float* from, float* to, long plane, int factor, long width, float* row, bool stream)
    {
        long x = 0;
        if (factor == 2 && Avx512F.IsSupported)
        {
            var even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            var odd = even + Vector512<int>.One;
            var past = stream && (((nint)to | (nint)(to + plane)) & 63) == 0;
            for (; x <= width - Lanes; x += Lanes)
            {
                Vector512<float> a = Vector512.Load(from + 2 * x), b = Vector512.Load(from + 2 * x + Lanes);
                Put(Avx512F.PermuteVar16x32x2(a, even, b), to + x, past);
                Put(Avx512F.PermuteVar16x32x2(a, odd, b), to + plane + x, past);
            }
            for (; x < width; x++) (to[x], to[plane + x]) = (from[2 * x], from[2 * x + 1]);
            return;
        }
        for (var k = 0; k < factor; k++)
        {
            for (x = 0; x < width; x++) row[x] = from[x * factor + k];
            ReassemblyKernels.Copy(row, to + k * plane, width, stream);
        }
    }

    private static void Put(Vector512<float> value, float* to, bool past)
    {
        if (past) value.StoreAlignedNonTemporal(to);
        else value.Store(to);
    }
}
