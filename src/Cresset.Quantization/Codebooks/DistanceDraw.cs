using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Draws vectors in proportion to their squared distance from the codes: new codes go where the old ones serve worst.</summary>
internal static class DistanceDraw
{
    /// <summary>
    /// Up to <paramref name="count"/> different positions, each drawn with probability proportional to its weight among those left;
    /// positions of weight 0 only when the others run out.
    /// </summary>
    public static long[] Draw(ReadOnlySpan<double> weights, int count, ref SplitMix64 stream)
    {
        // The smallest of -ln(u) / weight are such a draw without repetition (Efraimidis and Spirakis 2006); ties, which only weight 0 has,
        // fall by -ln(u).
        var keys = new (double Key, double Tie, long Position)[weights.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            var exponential = -Math.Log(1 - stream.NextDouble());
            keys[i] = (weights[i] > 0 ? exponential / weights[i] : double.PositiveInfinity, exponential, i);
        }
        Array.Sort(keys);
        return [.. keys.Take(count).Select(k => k.Position)];
    }
}
