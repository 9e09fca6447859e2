using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>The products on processors without 512-bit vectors.</summary>
internal static unsafe partial class DenseKernels
{
    /// <summary>The product with 256-bit vectors, four rows by two vectors at a time: what fits sixteen registers.</summary>
    internal static void MultiplyNarrow(float* a, nint rowStride, nint step, float* b, nint bStride, float* bias, float* c, nint cStride,
        int rows, int columns, int depth)
    {
        for (var n = 0; n < columns; n += 16)
        {
            var start = bias == null ? null : bias + n;
            var m = 0;
            for (; m + 4 <= rows; m += 4)
                Narrow4By2(a + (m * rowStride), rowStride, step, b + n, bStride, start, c + (m * cStride) + n, cStride, depth);
            for (; m < rows; m++) Narrow1By2(a + (m * rowStride), step, b + n, bStride, start, c + (m * cStride) + n, depth);
        }
    }

    private static void Narrow4By2(float* a, nint rs, nint step, float* b, nint bs, float* bias, float* c, nint cs, int depth)
    {
        var s0 = bias == null ? Vector256<float>.Zero : Vector256.Load(bias);
        var s1 = bias == null ? Vector256<float>.Zero : Vector256.Load(bias + 8);
        Vector256<float> c00 = s0, c01 = s1, c10 = s0, c11 = s1, c20 = s0, c21 = s1, c30 = s0, c31 = s1;
        var a1 = a + rs;
        var a2 = a + (2 * rs);
        var a3 = a + (3 * rs);
        nint at = 0;
        for (var k = 0; k < depth; k++)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(a[at]);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a1[at]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a2[at]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a3[at]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            at += step;
            b += bs;
        }
        c00.Store(c);
        c01.Store(c + 8);
        c10.Store(c + cs);
        c11.Store(c + cs + 8);
        c20.Store(c + (2 * cs));
        c21.Store(c + (2 * cs) + 8);
        c30.Store(c + (3 * cs));
        c31.Store(c + (3 * cs) + 8);
    }

    private static void Narrow1By2(float* a, nint step, float* b, nint bs, float* bias, float* c, int depth)
    {
        var c0 = bias == null ? Vector256<float>.Zero : Vector256.Load(bias);
        var c1 = bias == null ? Vector256<float>.Zero : Vector256.Load(bias + 8);
        for (var k = 0; k < depth; k++)
        {
            var x = Vector256.Create(*a);
            c0 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b), c0);
            c1 = Vector256.FusedMultiplyAdd(x, Vector256.Load(b + 8), c1);
            a += step;
            b += bs;
        }
        c0.Store(c);
        c1.Store(c + 8);
    }
}
