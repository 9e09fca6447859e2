using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// The inner loops of the search: scores of a few vectors against one panel of codes stay in registers and are folded into running maxima
/// at once, so that no row of scores is ever written to memory. Measured in bench/results/vq.md.
/// </summary>
internal static unsafe class ScoreKernels
{
    /// <summary>Vectors that one call of <see cref="Panel512"/> handles.</summary>
    public const int Rows512 = 8;

    /// <summary>Vectors that one call of <see cref="Panel256"/> handles.</summary>
    public const int Rows256 = 4;

    /// <summary>
    /// Eight vectors against 32 codes. <paramref name="rows"/> is [width][8], <paramref name="panel"/> [width][32];
    /// a row's state is three registers: best score, best register number, second best score of each lane.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Panel512(float* rows, int width, float* panel, float* bias, int panelIndex, float* state)
    {
        Vector512<float> a0 = Vector512.Load(bias), b0 = Vector512.Load(bias + 16);
        Vector512<float> a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0, a4 = a0, b4 = b0, a5 = a0, b5 = b0, a6 = a0, b6 = b0,
            a7 = a0, b7 = b0;
        for (var d = 0; d < width; d++)
        {
            Vector512<float> ca = Vector512.Load(panel), cb = Vector512.Load(panel + 16);
            var z = Vector512.Create(rows[0]);
            a0 = Vector512.FusedMultiplyAdd(z, ca, a0);
            b0 = Vector512.FusedMultiplyAdd(z, cb, b0);
            z = Vector512.Create(rows[1]);
            a1 = Vector512.FusedMultiplyAdd(z, ca, a1);
            b1 = Vector512.FusedMultiplyAdd(z, cb, b1);
            z = Vector512.Create(rows[2]);
            a2 = Vector512.FusedMultiplyAdd(z, ca, a2);
            b2 = Vector512.FusedMultiplyAdd(z, cb, b2);
            z = Vector512.Create(rows[3]);
            a3 = Vector512.FusedMultiplyAdd(z, ca, a3);
            b3 = Vector512.FusedMultiplyAdd(z, cb, b3);
            z = Vector512.Create(rows[4]);
            a4 = Vector512.FusedMultiplyAdd(z, ca, a4);
            b4 = Vector512.FusedMultiplyAdd(z, cb, b4);
            z = Vector512.Create(rows[5]);
            a5 = Vector512.FusedMultiplyAdd(z, ca, a5);
            b5 = Vector512.FusedMultiplyAdd(z, cb, b5);
            z = Vector512.Create(rows[6]);
            a6 = Vector512.FusedMultiplyAdd(z, ca, a6);
            b6 = Vector512.FusedMultiplyAdd(z, cb, b6);
            z = Vector512.Create(rows[7]);
            a7 = Vector512.FusedMultiplyAdd(z, ca, a7);
            b7 = Vector512.FusedMultiplyAdd(z, cb, b7);
            rows += 8;
            panel += 32;
        }
        Fold(state, a0, b0, panelIndex);
        Fold(state + 48, a1, b1, panelIndex);
        Fold(state + 96, a2, b2, panelIndex);
        Fold(state + 144, a3, b3, panelIndex);
        Fold(state + 192, a4, b4, panelIndex);
        Fold(state + 240, a5, b5, panelIndex);
        Fold(state + 288, a6, b6, panelIndex);
        Fold(state + 336, a7, b7, panelIndex);
    }

    /// <summary>Four vectors against 16 codes, for processors without 512-bit registers; layouts as in <see cref="Panel512"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Panel256(float* rows, int width, float* panel, float* bias, int panelIndex, float* state)
    {
        Vector256<float> a0 = Vector256.Load(bias), b0 = Vector256.Load(bias + 8);
        Vector256<float> a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0;
        for (var d = 0; d < width; d++)
        {
            Vector256<float> ca = Vector256.Load(panel), cb = Vector256.Load(panel + 8);
            var z = Vector256.Create(rows[0]);
            a0 = Vector256.FusedMultiplyAdd(z, ca, a0);
            b0 = Vector256.FusedMultiplyAdd(z, cb, b0);
            z = Vector256.Create(rows[1]);
            a1 = Vector256.FusedMultiplyAdd(z, ca, a1);
            b1 = Vector256.FusedMultiplyAdd(z, cb, b1);
            z = Vector256.Create(rows[2]);
            a2 = Vector256.FusedMultiplyAdd(z, ca, a2);
            b2 = Vector256.FusedMultiplyAdd(z, cb, b2);
            z = Vector256.Create(rows[3]);
            a3 = Vector256.FusedMultiplyAdd(z, ca, a3);
            b3 = Vector256.FusedMultiplyAdd(z, cb, b3);
            rows += 4;
            panel += 16;
        }
        Fold(state, a0, b0, panelIndex);
        Fold(state + 24, a1, b1, panelIndex);
        Fold(state + 48, a2, b2, panelIndex);
        Fold(state + 72, a3, b3, panelIndex);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(float* state, Vector512<float> a, Vector512<float> b, int panelIndex)
    {
        Vector512<float> best = Vector512.Load(state), second = Vector512.Load(state + 32);
        var register = Vector512.Load((int*)(state + 16));
        register = Vector512.ConditionalSelect(Vector512.GreaterThan(a, best).AsInt32(), Vector512.Create(2 * panelIndex), register);
        second = Vector512.MaxNative(second, Vector512.MinNative(best, a));
        best = Vector512.MaxNative(best, a);
        register = Vector512.ConditionalSelect(Vector512.GreaterThan(b, best).AsInt32(), Vector512.Create((2 * panelIndex) + 1), register);
        second = Vector512.MaxNative(second, Vector512.MinNative(best, b));
        best = Vector512.MaxNative(best, b);
        best.Store(state);
        register.Store((int*)(state + 16));
        second.Store(state + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(float* state, Vector256<float> a, Vector256<float> b, int panelIndex)
    {
        Vector256<float> best = Vector256.Load(state), second = Vector256.Load(state + 16);
        var register = Vector256.Load((int*)(state + 8));
        register = Vector256.ConditionalSelect(Vector256.GreaterThan(a, best).AsInt32(), Vector256.Create(2 * panelIndex), register);
        second = Vector256.MaxNative(second, Vector256.MinNative(best, a));
        best = Vector256.MaxNative(best, a);
        register = Vector256.ConditionalSelect(Vector256.GreaterThan(b, best).AsInt32(), Vector256.Create((2 * panelIndex) + 1), register);
        second = Vector256.MaxNative(second, Vector256.MinNative(best, b));
        best = Vector256.MaxNative(best, b);
        best.Store(state);
        register.Store((int*)(state + 8));
        second.Store(state + 16);
    }
}
