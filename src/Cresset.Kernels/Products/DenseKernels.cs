using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// Small matrix products. All three products of a dense layer (outputs, input gradients, weight gradients) are one routine:
/// <c>C[m, n] = bias[n] + sum over k of A(m, k) B[k, n]</c> with any strides of A. Columns come in vectors of 16. The order of the
/// additions depends on the shape alone, so results are the same from run to run. Blocks of eight rows by two vectors are sixteen sums in
/// registers: <see cref="RegisterTile"/> has more, but packs its rows first, which costs a small net more than it wins. Measured in
/// bench/results/rl.md.
/// </summary>
internal static unsafe partial class DenseKernels
{
    /// <summary>The product for <paramref name="rows"/> rows and <paramref name="columns"/> columns (a multiple of 16).</summary>
    /// <param name="a">A(m, k) at <c>a[m * rowStride + k * step]</c>.</param>
    /// <param name="rowStride">Distance of rows of A.</param>
    /// <param name="step">Distance of summed elements of A.</param>
    /// <param name="b">B, rows of <paramref name="bStride"/> floats.</param>
    /// <param name="bStride">Distance of rows of B.</param>
    /// <param name="bias">Starting values of a row of C, or null for zeros.</param>
    /// <param name="c">C, overwritten.</param>
    /// <param name="cStride">Distance of rows of C.</param>
    /// <param name="rows">Rows of C.</param>
    /// <param name="columns">Columns of C.</param>
    /// <param name="depth">Number of summed products.</param>
    public static void Multiply(float* a, nint rowStride, nint step, float* b, nint bStride, float* bias, float* c, nint cStride, int rows,
        int columns, int depth)
    {
        if (!Vector512.IsHardwareAccelerated)
        {
            MultiplyNarrow(a, rowStride, step, b, bStride, bias, c, cStride, rows, columns, depth);
            return;
        }
        var n = 0;
        // Two vectors of columns at a time: their part of B (depth times 128 bytes) stays in the first cache while all rows pass.
        for (; n + 32 <= columns; n += 32)
        {
            var start = bias == null ? null : bias + n;
            var m = 0;
            for (; m + 8 <= rows; m += 8)
                Block8By2(a + (m * rowStride), rowStride, step, b + n, bStride, start, c + (m * cStride) + n, cStride, depth);
            for (; m + 4 <= rows; m += 4)
                Block4By2(a + (m * rowStride), rowStride, step, b + n, bStride, start, c + (m * cStride) + n, cStride, depth);
            for (; m < rows; m++) Block1By2(a + (m * rowStride), step, b + n, bStride, start, c + (m * cStride) + n, depth);
        }
        for (; n < columns; n += 16)
        {
            var start = bias == null ? null : bias + n;
            var m = 0;
            for (; m + 8 <= rows; m += 8)
                Block8By1(a + (m * rowStride), rowStride, step, b + n, bStride, start, c + (m * cStride) + n, cStride, depth);
            for (; m < rows; m++) Block1By1(a + (m * rowStride), step, b + n, bStride, start, c + (m * cStride) + n, depth);
        }
    }

    /// <summary>
    /// The transpose of [<paramref name="rows"/>, <paramref name="columns"/>] into rows of <paramref name="toStride"/> floats.
    /// </summary>
    public static void Transpose(float* from, nint fromStride, float* to, nint toStride, int rows, int columns)
    {
        var r = 0;
        for (; r + 4 <= rows; r += 4)
        {
            var row = from + (r * fromStride);
            var c = 0;
            // Squares of four: pairs of rows interleaved, then pairs of pairs.
            for (; c + 4 <= columns; c += 4)
            {
                var a0 = Vector128.Load(row + c);
                var a1 = Vector128.Load(row + fromStride + c);
                var a2 = Vector128.Load(row + (2 * fromStride) + c);
                var a3 = Vector128.Load(row + (3 * fromStride) + c);
                var low = Interleave(a0, a2, false);
                var high = Interleave(a0, a2, true);
                var low2 = Interleave(a1, a3, false);
                var high2 = Interleave(a1, a3, true);
                Interleave(low, low2, false).Store(to + (c * toStride) + r);
                Interleave(low, low2, true).Store(to + ((c + 1) * toStride) + r);
                Interleave(high, high2, false).Store(to + ((c + 2) * toStride) + r);
                Interleave(high, high2, true).Store(to + ((c + 3) * toStride) + r);
            }
            for (; c < columns; c++)
            {
                for (var i = 0; i < 4; i++) to[(c * toStride) + r + i] = row[(i * fromStride) + c];
            }
        }
        for (; r < rows; r++)
        {
            for (var c = 0; c < columns; c++) to[(c * toStride) + r] = from[(r * fromStride) + c];
        }
    }

    // a0 b0 a1 b1, or a2 b2 a3 b3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Interleave(Vector128<float> a, Vector128<float> b, bool upper)
    {
        if (System.Runtime.Intrinsics.X86.Sse.IsSupported)
            return upper ? System.Runtime.Intrinsics.X86.Sse.UnpackHigh(a, b) : System.Runtime.Intrinsics.X86.Sse.UnpackLow(a, b);
        return upper ? Vector128.Create(a[2], b[2], a[3], b[3]) : Vector128.Create(a[0], b[0], a[1], b[1]);
    }

    private static void Block8By2(float* a, nint rs, nint step, float* b, nint bs, float* bias, float* c, nint cs, int depth)
    {
        var s0 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        var s1 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias + 16);
        Vector512<float> c00 = s0, c01 = s1, c10 = s0, c11 = s1, c20 = s0, c21 = s1, c30 = s0, c31 = s1;
        Vector512<float> c40 = s0, c41 = s1, c50 = s0, c51 = s1, c60 = s0, c61 = s1, c70 = s0, c71 = s1;
        var a1 = a + rs;
        var a2 = a + (2 * rs);
        var a3 = a + (3 * rs);
        var a4 = a + (4 * rs);
        var a5 = a4 + rs;
        var a6 = a4 + (2 * rs);
        var a7 = a4 + (3 * rs);
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(a[at]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a1[at]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a2[at]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a3[at]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a4[at]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a5[at]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a6[at]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a7[at]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
            at += step;
            b += bs;
        }
        Store(c, c00, c01);
        Store(c + cs, c10, c11);
        Store(c + (2 * cs), c20, c21);
        Store(c + (3 * cs), c30, c31);
        Store(c + (4 * cs), c40, c41);
        Store(c + (5 * cs), c50, c51);
        Store(c + (6 * cs), c60, c61);
        Store(c + (7 * cs), c70, c71);
    }

    private static void Block4By2(float* a, nint rs, nint step, float* b, nint bs, float* bias, float* c, nint cs, int depth)
    {
        var s0 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        var s1 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias + 16);
        Vector512<float> c00 = s0, c01 = s1, c10 = s0, c11 = s1, c20 = s0, c21 = s1, c30 = s0, c31 = s1;
        var a1 = a + rs;
        var a2 = a + (2 * rs);
        var a3 = a + (3 * rs);
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(a[at]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a1[at]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a2[at]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a3[at]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            at += step;
            b += bs;
        }
        Store(c, c00, c01);
        Store(c + cs, c10, c11);
        Store(c + (2 * cs), c20, c21);
        Store(c + (3 * cs), c30, c31);
    }

    private static void Block8By1(float* a, nint rs, nint step, float* b, nint bs, float* bias, float* c, nint cs, int depth)
    {
        var s0 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        Vector512<float> c0 = s0, c1 = s0, c2 = s0, c3 = s0, c4 = s0, c5 = s0, c6 = s0, c7 = s0;
        var a1 = a + rs;
        var a2 = a + (2 * rs);
        var a3 = a + (3 * rs);
        var a4 = a + (4 * rs);
        var a5 = a4 + rs;
        var a6 = a4 + (2 * rs);
        var a7 = a4 + (3 * rs);
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[at]), b0, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a1[at]), b0, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a2[at]), b0, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a3[at]), b0, c3);
            c4 = Vector512.FusedMultiplyAdd(Vector512.Create(a4[at]), b0, c4);
            c5 = Vector512.FusedMultiplyAdd(Vector512.Create(a5[at]), b0, c5);
            c6 = Vector512.FusedMultiplyAdd(Vector512.Create(a6[at]), b0, c6);
            c7 = Vector512.FusedMultiplyAdd(Vector512.Create(a7[at]), b0, c7);
            at += step;
            b += bs;
        }
        c0.Store(c);
        c1.Store(c + cs);
        c2.Store(c + (2 * cs));
        c3.Store(c + (3 * cs));
        c4.Store(c + (4 * cs));
        c5.Store(c + (5 * cs));
        c6.Store(c + (6 * cs));
        c7.Store(c + (7 * cs));
    }

    private static void Block1By2(float* a, nint step, float* b, nint bs, float* bias, float* c, int depth)
    {
        // Even and odd terms apart: a single row would wait for its own sums.
        var c0 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        var c1 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias + 16);
        Vector512<float> d0 = default, d1 = default;
        var k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            var x = Vector512.Create(a[0]);
            c0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), c0);
            c1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), c1);
            x = Vector512.Create(a[step]);
            d0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + bs), d0);
            d1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + bs + 16), d1);
            a += 2 * step;
            b += 2 * bs;
        }
        if (k < depth)
        {
            var x = Vector512.Create(a[0]);
            c0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), c0);
            c1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), c1);
        }
        Store(c, c0 + d0, c1 + d1);
    }

    private static void Block1By1(float* a, nint step, float* b, nint bs, float* bias, float* c, int depth)
    {
        var c0 = bias == null ? Vector512<float>.Zero : Vector512.Load(bias);
        Vector512<float> d0 = default;
        var k = 0;
        for (; k + 2 <= depth; k += 2)
        {
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), Vector512.Load(b), c0);
            d0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[step]), Vector512.Load(b + bs), d0);
            a += 2 * step;
            b += 2 * bs;
        }
        if (k < depth) c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), Vector512.Load(b), c0);
        (c0 + d0).Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> first, Vector512<float> second)
    {
        first.Store(c);
        second.Store(c + 16);
    }
}
