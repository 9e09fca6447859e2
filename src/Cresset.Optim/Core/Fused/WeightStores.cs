using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;

namespace Cresset.Optim;

/// <summary>How weights and gradients lie in memory: load to and store from the type the kernel computes in.</summary>
internal unsafe interface IWeightStore<T>
{
    static abstract int Size { get; }

    static abstract Vector512<T> Load(byte* address);

    /// <summary>Stores; seed and index give the draw of stochastic rounding.</summary>
    static abstract void Store(Vector512<T> value, byte* address, uint seed, long index);
}

/// <summary>float32 or float64 as they are.</summary>
internal readonly unsafe struct PlainStore<T> : IWeightStore<T>
    where T : unmanaged
{
    public static int Size => sizeof(T);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(byte* address) => Vector512.Load((T*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> value, byte* address, uint seed, long index) => value.Store((T*)address);
}

/// <summary>bfloat16, rounded to nearest even.</summary>
internal readonly unsafe struct BrainStore : IWeightStore<float>
{
    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* address) => BrainFloat.Load((ushort*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, byte* address, uint seed, long index)
    {
        var bits = value.AsUInt32();
        var even = (bits >> 16) & Vector512.Create(1u);
        Write(value, bits + Vector512.Create(0x7fffu) + even, address);
    }

    /// <summary>Keeps the upper halves of <paramref name="rounded"/>; NaN stays a quiet NaN and infinity itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(Vector512<float> value, Vector512<uint> rounded, byte* address)
    {
        var bits = value.AsUInt32();
        var special = Vector512.Equals(bits & Vector512.Create(0x7f800000u), Vector512.Create(0x7f800000u));
        var quiet = Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), bits, bits | Vector512.Create(0x00400000u));
        var result = Vector512.ConditionalSelect(special, quiet, rounded) >> 16;
        Vector256.Narrow(result.GetLower(), result.GetUpper()).Store((ushort*)address);
    }
}

/// <summary>bfloat16, rounded up or down at random in proportion to the distance.</summary>
internal readonly unsafe struct StochasticBrainStore : IWeightStore<float>
{
    private static readonly Vector512<uint> Lanes = Vector512.Create(0u, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    public static int Size => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* address) => BrainStore.Load(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, byte* address, uint seed, long index)
    {
        var draw = HalfPrecision.Mix((Vector512.Create((uint)index) + Lanes) ^ Vector512.Create(seed));
        BrainStore.Write(value, value.AsUInt32() + (draw >> 16), address);
    }
}
