using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Rounding of float32 results to half-precision weights.</summary>
internal static class HalfPrecision
{
    /// <summary>A bijective integer hash (Wellons' lowbias32), the draw of stochastic rounding.</summary>
    public static uint Mix(uint x)
    {
        x ^= x >> 16;
        x *= 0x7feb352d;
        x ^= x >> 15;
        x *= 0x846ca68b;
        return x ^ (x >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Mix(Vector512<uint> x)
    {
        x ^= x >> 16;
        x *= Vector512.Create(0x7feb352du);
        x ^= x >> 15;
        x *= Vector512.Create(0x846ca68bu);
        return x ^ (x >> 16);
    }

    public static uint SeedFor(uint stepSeed, string name)
    {
        var hash = 2166136261u;
        foreach (var c in name) hash = (hash ^ c) * 16777619u;
        return Mix(stepSeed ^ hash);
    }

    /// <summary>Writes the float32 tensor <paramref name="source"/> into the half-precision <paramref name="target"/>.</summary>
    public static unsafe void Store(Tensor source, Tensor target, WeightRounding rounding, uint seed, long step, string name)
    {
        if (rounding == WeightRounding.Nearest || target.dtype != ScalarType.BFloat16)
        {
            target.copy_(source);
            return;
        }
        using var scope = NewDisposeScope();
        var host = source.cpu().contiguous();
        var result = TensorView.New<ushort>(source.shape);
        var itemSeed = SeedFor(Mix(seed ^ Mix((uint)step)), name);
        using TensorView<float> read = TensorView.Dense<float>(host);
        using TensorView<ushort> written = TensorView.Dense<ushort>(result, read.Count);
        float* from = read.Start;
        ushort* to = written.Start;
        for (long i = 0; i < read.Count; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(from[i]);
            var special = (bits & 0x7f800000) == 0x7f800000;
            to[i] = (ushort)((special ? float.IsNaN(from[i]) ? bits | 0x00400000 : bits : bits + (Mix((uint)i ^ itemSeed) >> 16)) >> 16);
        }
        target.copy_(result);
    }
}
