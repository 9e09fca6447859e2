using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Largest entries of rows of action values.</summary>
internal static class Greedy
{
    /// <summary>The lowest index of the largest value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstMax(ReadOnlySpan<double> values)
    {
        if (Vector256.IsHardwareAccelerated && (uint)(values.Length - 4) <= 4) return FirstMaxOfFew(values);
        var best = 0;
        var bestValue = values[0];
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > bestValue) (best, bestValue) = (i, values[i]);
        }
        return best;
    }

    // Four to eight values: two overlapping vectors and no branch on the values, whose order cannot be foreseen.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FirstMaxOfFew(ReadOnlySpan<double> values)
    {
        ref var first = ref MemoryMarshal.GetReference(values);
        var shift = values.Length - 4;
        var low = Vector256.LoadUnsafe(ref first);
        var high = Vector256.LoadUnsafe(ref first, (nuint)shift);
        var max = Vector256.MaxNative(low, high);
        var half = Vector128.MaxNative(max.GetLower(), max.GetUpper());
        var top = Vector256.Create(double.MaxNative(half[0], half[1]));
        var equal = Vector256.Equals(low, top).ExtractMostSignificantBits()
            | (Vector256.Equals(high, top).ExtractMostSignificantBits() << shift);
        return equal == 0 ? 0 : BitOperations.TrailingZeroCount(equal);
    }

    /// <summary>One of the indices of the largest value, all equally likely.</summary>
    public static int RandomMax(ReadOnlySpan<double> values, RandomStream random)
    {
        var best = 0;
        var ties = 1;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best]) (best, ties) = (i, 1);
            else if (values[i] == values[best]) ties++;
        }
        if (ties == 1) return best;
        var pick = random.NextInt32(ties);
        for (var i = best; ; i++)
        {
            if (values[i] == values[best] && pick-- == 0) return i;
        }
    }
}
