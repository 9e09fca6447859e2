using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// The inner loop of <see cref="AttentionKernel"/> and <see cref="PanelProduct"/>: 12 rows times 32 columns, whose 24 sums fit the
/// registers of AVX-512.
/// </summary>
internal static unsafe class RegisterTile
{
    public const int Rows = 12;
    public const int Columns = 32;

    /// <summary>Distance of rows in scratch memory: no power of two, so that they do not fall into the same places of the cache.</summary>
    public const int Stride = Chunk + 16;

    /// <summary>Most columns of a row in scratch memory.</summary>
    public const int Chunk = 512;

    private static Vector512<float> Zero => Vector512<float>.Zero;

    /// <summary>c = start + a b.</summary>
    /// <param name="a">12 rows of <paramref name="depth"/>, <see cref="Stride"/> apart.</param>
    /// <param name="b"><paramref name="depth"/> rows of 32, next to one another.</param>
    /// <param name="depth">Products a sum.</param>
    /// <param name="c">12 rows of 32.</param>
    /// <param name="cStride">Distance of the rows of c.</param>
    /// <param name="start">What the sums begin with; null for zero.</param>
    /// <param name="startStride">Distance of the rows of start; 0 gives every row the same.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(float* a, float* b, int depth, float* c, long cStride, float* start, long startStride)
    {
        Vector512<float> l0 = Zero, h0 = Zero;
        Vector512<float> l1 = Zero, h1 = Zero;
        Vector512<float> l2 = Zero, h2 = Zero;
        Vector512<float> l3 = Zero, h3 = Zero;
        Vector512<float> l4 = Zero, h4 = Zero;
        Vector512<float> l5 = Zero, h5 = Zero;
        Vector512<float> l6 = Zero, h6 = Zero;
        Vector512<float> l7 = Zero, h7 = Zero;
        Vector512<float> l8 = Zero, h8 = Zero;
        Vector512<float> l9 = Zero, h9 = Zero;
        Vector512<float> l10 = Zero, h10 = Zero;
        Vector512<float> l11 = Zero, h11 = Zero;
        for (var end = a + depth; a < end; a++, b += Columns)
        {
            Vector512<float> low = Vector512.Load(b), high = Vector512.Load(b + 16);
            Vector512<float> x;
            x = Vector512.Create(a[0 * Stride]);
            l0 = Fma(x, low, l0);
            h0 = Fma(x, high, h0);
            x = Vector512.Create(a[1 * Stride]);
            l1 = Fma(x, low, l1);
            h1 = Fma(x, high, h1);
            x = Vector512.Create(a[2 * Stride]);
            l2 = Fma(x, low, l2);
            h2 = Fma(x, high, h2);
            x = Vector512.Create(a[3 * Stride]);
            l3 = Fma(x, low, l3);
            h3 = Fma(x, high, h3);
            x = Vector512.Create(a[4 * Stride]);
            l4 = Fma(x, low, l4);
            h4 = Fma(x, high, h4);
            x = Vector512.Create(a[5 * Stride]);
            l5 = Fma(x, low, l5);
            h5 = Fma(x, high, h5);
            x = Vector512.Create(a[6 * Stride]);
            l6 = Fma(x, low, l6);
            h6 = Fma(x, high, h6);
            x = Vector512.Create(a[7 * Stride]);
            l7 = Fma(x, low, l7);
            h7 = Fma(x, high, h7);
            x = Vector512.Create(a[8 * Stride]);
            l8 = Fma(x, low, l8);
            h8 = Fma(x, high, h8);
            x = Vector512.Create(a[9 * Stride]);
            l9 = Fma(x, low, l9);
            h9 = Fma(x, high, h9);
            x = Vector512.Create(a[10 * Stride]);
            l10 = Fma(x, low, l10);
            h10 = Fma(x, high, h10);
            x = Vector512.Create(a[11 * Stride]);
            l11 = Fma(x, low, l11);
            h11 = Fma(x, high, h11);
        }
        Put(c + (0 * cStride), l0, h0, start + (0 * startStride), start is not null);
        Put(c + (1 * cStride), l1, h1, start + (1 * startStride), start is not null);
        Put(c + (2 * cStride), l2, h2, start + (2 * startStride), start is not null);
        Put(c + (3 * cStride), l3, h3, start + (3 * startStride), start is not null);
        Put(c + (4 * cStride), l4, h4, start + (4 * startStride), start is not null);
        Put(c + (5 * cStride), l5, h5, start + (5 * startStride), start is not null);
        Put(c + (6 * cStride), l6, h6, start + (6 * startStride), start is not null);
        Put(c + (7 * cStride), l7, h7, start + (7 * startStride), start is not null);
        Put(c + (8 * cStride), l8, h8, start + (8 * startStride), start is not null);
        Put(c + (9 * cStride), l9, h9, start + (9 * startStride), start is not null);
        Put(c + (10 * cStride), l10, h10, start + (10 * startStride), start is not null);
        Put(c + (11 * cStride), l11, h11, start + (11 * startStride), start is not null);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fma(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
        Vector512.FusedMultiplyAdd(x, y, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* to, Vector512<float> low, Vector512<float> high, float* start, bool hasStart)
    {
        if (hasStart)
        {
            low += Vector512.Load(start);
            high += Vector512.Load(start + 16);
        }
        low.Store(to);
        high.Store(to + 16);
    }
}
