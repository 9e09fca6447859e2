using System.Runtime.Intrinsics;
using Cresset.Kernels;

namespace Cresset.Quantization;

/// <summary>
/// How many vectors chose each code, and their sums: all that an average of clusters needs, in one pass over the vectors.
/// </summary>
/// <remarks>
/// The vectors are grouped by a counting sort and each code adds its own in their order in float64, so the result does not depend on the
/// number of threads, and a vector without a code (index -1) touches nothing.
/// </remarks>
internal static class SegmentSums
{
    /// <summary>Writes counts [K] and sums [K, width] of the vectors [N, width] by their indices in [-1, K).</summary>
    /// <exception cref="ArgumentException">Lengths do not fit together or an index is out of range.</exception>
    public static unsafe void Add(ReadOnlySpan<float> vectors, ReadOnlySpan<int> indices, int width, Span<float> counts, Span<float> sums,
        int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (vectors.Length != (long)indices.Length * width)
            throw new ArgumentException($"vectors hold {vectors.Length} numbers; expected {indices.Length} x {width}.", nameof(vectors));
        if (sums.Length != (long)counts.Length * width)
            throw new ArgumentException($"sums has room for {sums.Length}; expected {counts.Length} x {width}.", nameof(sums));
        var codes = counts.Length;
        var starts = new int[codes + 1];
        for (var i = 0; i < indices.Length; i++)
        {
            var index = indices[i];
            if (index < -1 || index >= codes)
                throw new ArgumentException($"Index {index} at position {i} is out of range; allowed: -1 (none) to {codes - 1}.",
                    nameof(indices));
            if (index >= 0) starts[index + 1]++;
        }
        for (var k = 0; k < codes; k++)
        {
            counts[k] = starts[k + 1];
            starts[k + 1] += starts[k];
        }
        var order = GC.AllocateUninitializedArray<int>(starts[codes]);
        var next = starts.AsSpan(0, codes).ToArray();
        for (var i = 0; i < indices.Length; i++)
        {
            if (indices[i] >= 0) order[next[indices[i]]++] = i;
        }
        fixed (float* z = vectors, s = sums)
        {
            float* zPointer = z, sPointer = s;
            const int Part = 16;
            var parts = (codes + Part - 1) / Part;
            void Sum(long part)
            {
                var total = new double[width];
                for (var k = (int)part * Part; k < Math.Min(codes, ((int)part + 1) * Part); k++)
                {
                    Array.Clear(total);
                    for (var i = starts[k]; i < starts[k + 1]; i++) Accumulate(zPointer + ((long)order[i] * width), total);
                    for (var d = 0; d < width; d++) sPointer[((long)k * width) + d] = (float)total[d];
                }
            }
            // So little work ends before a second thread has begun.
            if ((long)indices.Length * width < 1 << 15) threads = 1;
            ForkJoin.Run(threads == 0 ? Environment.ProcessorCount : threads, parts, Sum);
        }
    }

    private static unsafe void Accumulate(float* row, double[] total)
    {
        var d = 0;
        fixed (double* t = total)
        {
            if (Vector256.IsHardwareAccelerated)
            {
                for (; d + 8 <= total.Length; d += 8)
                {
                    var (low, high) = Vector256.Widen(Vector256.Load(row + d));
                    (Vector256.Load(t + d) + low).Store(t + d);
                    (Vector256.Load(t + d + 4) + high).Store(t + d + 4);
                }
            }
            for (; d < total.Length; d++) t[d] += row[d];
        }
    }
}
