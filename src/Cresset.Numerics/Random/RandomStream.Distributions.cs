using System.Runtime.CompilerServices;

namespace Cresset.Numerics;

public sealed partial class RandomStream
{
    /// <summary>A standard normal number by the 256-strip ziggurat (Marsaglia and Tsang 2000).</summary>
    public double NextNormal()
    {
        while (true)
        {
            var bits = _bits.Next();
            var strip = (int)(bits & 0xff);
            var sign = (bits >> 8) & 1;
            var mantissa = (bits >> 9) & 0x000fffffffffffff;
            var x = mantissa * ZigguratNormal.Width(strip);
            if (sign != 0) x = -x;
            if (mantissa < ZigguratNormal.Inside(strip)) return x;
            if (strip == 0) return NormalTail((mantissa & 0x100) != 0);
            if (((ZigguratNormal.Height(strip - 1) - ZigguratNormal.Height(strip)) * NextDouble()) + ZigguratNormal.Height(strip)
                < Math.Exp(-0.5 * x * x)) return x;
        }
    }

    /// <summary>A normal number with the given mean and standard deviation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double NextNormal(double mean, double deviation) => mean + (deviation * NextNormal());

    /// <summary>Fills <paramref name="values"/> with standard normal numbers.</summary>
    public void FillNormal(Span<double> values)
    {
        foreach (ref var value in values) value = NextNormal();
    }

    /// <summary>A standard exponential number by the 256-strip ziggurat.</summary>
    public double NextExponential()
    {
        while (true)
        {
            var bits = _bits.Next() >> 3;
            var strip = (int)(bits & 0xff);
            bits >>= 8;
            var x = bits * ZigguratExponential.Width(strip);
            if (bits < ZigguratExponential.Inside(strip)) return x;
            if (strip == 0) return ZigguratExponential.TailStart - LogOnePlus(-NextDouble());
            if (((ZigguratExponential.Height(strip - 1) - ZigguratExponential.Height(strip))
                * NextDouble()) + ZigguratExponential.Height(strip) < Math.Exp(-x)) return x;
        }
    }

    /// <summary>Shuffles <paramref name="values"/> (Fisher-Yates from the end).</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = (int)MaskedBelow((uint)i);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>The integers from 0 to <paramref name="count"/> - 1 in random order.</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (var i = 0; i < count; i++) order[i] = i;
        Shuffle(order.AsSpan());
        return order;
    }

    /// <summary>One of <paramref name="values"/>, all equally likely.</summary>
    /// <exception cref="ArgumentException">There is nothing to choose from.</exception>
    public T Choice<T>(ReadOnlySpan<T> values)
    {
        if (values.IsEmpty) throw new ArgumentException("There is nothing to choose from.", nameof(values));
        return values[(int)Bounded((ulong)values.Length - 1)];
    }

    /// <summary>
    /// An index drawn with the given probabilities (<c>Generator.choice(n, p=...)</c>: cumulative sums divided by the last, first one above
    /// the draw).
    /// </summary>
    /// <param name="probabilities">At least one number, none negative, summing to 1 within 1e-8.</param>
    /// <exception cref="ArgumentException">The probabilities are not a distribution.</exception>
    public int ChoiceIndex(ReadOnlySpan<double> probabilities)
    {
        var total = 0.0;
        foreach (var p in probabilities)
        {
            if (!(p >= 0)) throw new ArgumentException($"Probability {p} is negative or not a number.", nameof(probabilities));
            total += p;
        }
        if (probabilities.IsEmpty || Math.Abs(total - 1) > 1.5e-8)
            throw new ArgumentException($"Probabilities sum to {total}, not to 1.", nameof(probabilities));
        var draw = NextDouble();
        var cumulative = 0.0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            cumulative += probabilities[i];
            if (cumulative / total > draw) return i;
        }
        return probabilities.Length - 1;
    }

    // NumPy's shuffles reject under a bit mask where its other bounded integers use Lemire's method.
    private uint MaskedBelow(uint max)
    {
        var mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(max);
        uint value;
        do value = NextUInt32() & mask;
        while (value > max);
        return value;
    }

    private double NormalTail(bool negative)
    {
        while (true)
        {
            var x = -ZigguratNormal.InverseTailStart * LogOnePlus(-NextDouble());
            var y = -LogOnePlus(-NextDouble());
            if (y + y > x * x) return negative ? -(ZigguratNormal.TailStart + x) : ZigguratNormal.TailStart + x;
        }
    }

    // log(1 + x) for x in (-1, 0]: Kahan's correction of log keeps full precision near 0.
    private static double LogOnePlus(double x)
    {
        var sum = 1.0 + x;
        return sum == 1.0 ? x : Math.Log(sum) * (x / (sum - 1.0));
    }
}
