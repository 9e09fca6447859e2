using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// A matrix times one vector, with the matrix as it lies in memory: bound by reading it, so nothing is packed. Eight rows at a time share
/// the vector; the order of a row's additions depends on its length alone.
/// </summary>
internal static unsafe class VectorProduct
{
    private const int Block = 8;

    /// <summary>y[r] = bias[r] + sum over k of matrix[r, k] x[k]; with <paramref name="adds"/> this is added to y[r].</summary>
    /// <param name="matrix">[rows, width], dense.</param>
    /// <param name="bias">[rows], or null for zeros.</param>
    /// <param name="x">[width].</param>
    /// <param name="y">[rows].</param>
    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="width">Its columns.</param>
    /// <param name="adds">Adds to what stands in y.</param>
    public static void Multiply(float* matrix, float* bias, float* x, float* y, long rows, long width, bool adds = false)
    {
        var sums = stackalloc float[Block];
        for (long row = 0; row < rows; row += Block)
        {
            var count = (int)Math.Min(Block, rows - row);
            var at = matrix + (row * width);
            if (count == Block) Eight(at, width, x, sums);
            else for (var r = 0; r < count; r++) sums[r] = One(at + (r * width), width, x);
            for (var r = 0; r < count; r++)
            {
                var value = bias == null ? sums[r] : sums[r] + bias[row + r];
                y[row + r] = adds ? y[row + r] + value : value;
            }
        }
    }

    private static float One(float* row, long width, float* x)
    {
        var sum = Vector512<float>.Zero;
        long k = 0;
        for (; k <= width - 16; k += 16) sum = Vector512.FusedMultiplyAdd(Vector512.Load(row + k), Vector512.Load(x + k), sum);
        return Rest(Vector512.Sum(sum), row, k, width, x);
    }

    private static void Eight(float* row, long width, float* x, float* sums)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        float* r1 = row + width, r2 = r1 + width, r3 = r2 + width, r4 = r3 + width, r5 = r4 + width, r6 = r5 + width, r7 = r6 + width;
        long k = 0;
        for (; k <= width - 16; k += 16)
        {
            var v = Vector512.Load(x + k);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Load(row + k), v, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Load(r1 + k), v, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Load(r2 + k), v, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Load(r3 + k), v, a3);
            a4 = Vector512.FusedMultiplyAdd(Vector512.Load(r4 + k), v, a4);
            a5 = Vector512.FusedMultiplyAdd(Vector512.Load(r5 + k), v, a5);
            a6 = Vector512.FusedMultiplyAdd(Vector512.Load(r6 + k), v, a6);
            a7 = Vector512.FusedMultiplyAdd(Vector512.Load(r7 + k), v, a7);
        }
        sums[0] = Rest(Vector512.Sum(a0), row, k, width, x);
        sums[1] = Rest(Vector512.Sum(a1), r1, k, width, x);
        sums[2] = Rest(Vector512.Sum(a2), r2, k, width, x);
        sums[3] = Rest(Vector512.Sum(a3), r3, k, width, x);
        sums[4] = Rest(Vector512.Sum(a4), r4, k, width, x);
        sums[5] = Rest(Vector512.Sum(a5), r5, k, width, x);
        sums[6] = Rest(Vector512.Sum(a6), r6, k, width, x);
        sums[7] = Rest(Vector512.Sum(a7), r7, k, width, x);
    }

    private static float Rest(float sum, float* row, long k, long width, float* x)
    {
        for (; k < width; k++) sum = MathF.FusedMultiplyAdd(row[k], x[k], sum);
        return sum;
    }
}
