using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Largest entries of rows of action values.</summary>
internal static class Greedy
{
    /// <summary>The lowest index of the largest value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstMax(ReadOnlySpan<double> values)
    {
        var best = 0;
        var bestValue = values[0];
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > bestValue) (best, bestValue) = (i, values[i]);
        }
        return best;
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
