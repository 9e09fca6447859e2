using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>Sixteen bfloat16 numbers as float32 lanes and back.</summary>
internal static unsafe class BrainFloat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* from) =>
        Vector512.ShiftLeft(Vector512.WidenLower(Vector256.Load(from).ToVector512Unsafe()), 16).AsSingle();

    /// <summary>Rounds to the nearest, ties to even; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ushort* to)
    {
        var bits = value.AsUInt32();
        var rounded = Vector512.ShiftRightLogical(bits + Vector512.Create(0x7FFFu)
            + (Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One), 16);
        var kept = Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, Vector512.Create(0x7FC0u));
        Vector512.Narrow(kept, kept).GetLower().Store(to);
    }

    /// <summary>y = f(x) over <paramref name="count"/> numbers.</summary>
    public static void Map<TFunction>(TFunction f, ushort* x, ushort* y, long count)
        where TFunction : struct, ILaneFunction
    {
        long i = 0;
        for (; i <= count - 16; i += 16) Store(f.Value(Load(x + i)), y + i);
        if (i == count) return;
        ushort* rest = stackalloc ushort[16], result = stackalloc ushort[16];
        var bytes = (uint)((count - i) * sizeof(ushort));
        Unsafe.CopyBlockUnaligned(rest, x + i, bytes);
        Store(f.Value(Load(rest)), result);
        Unsafe.CopyBlockUnaligned(y + i, result, bytes);
    }
}
