using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Rl;

/// <summary>
/// Sine, cosine and squares with the very bits of the C library's <c>sin</c>, <c>cos</c> and <c>pow</c>, mostly without calling it. A value
/// is computed to twice the precision; where it lies clearly on one side of the middle between two numbers, every library that errs by less
/// than the margin rounds to the same one, and only for the rest the library is asked. glibc's results were measured to err by at most
/// 0.5048 units in the last place (sine below 0.126), 0.5153 (sine up to 0.3), 0.5013 (cosine up to 0.3) and 0.5055 (<c>pow(x, 2)</c>); the
/// margins are two to eight times what is over 0.5.
/// </summary>
internal static class LibraryBits
{
    /// <summary>Doubles in a block.</summary>
    public const int Lanes = 8;

    // Beyond this angle the series would need more terms.
    private const double LargestAngle = 0.3;

    // Shares of a unit in the last place: a remainder beyond them is too near to the middle to tell.
    private const double SmallSineMargin = 0.488;
    private const double SineMargin = 0.469;
    private const double CosineMargin = 0.495;
    private const double SquareMargin = 0.48;

    private const double Unit = 2.220446049250313e-16;

    /// <summary>Whether blocks are worth their while: on a system with glibc, and with products that are added without rounding.</summary>
    public static bool HasLanes => OperatingSystem.IsLinux() && (Fma.IsSupported || Avx512F.IsSupported);

    /// <summary>Sine and cosine of eight angles as <see cref="Math.SinCos(double)"/> gives them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Sine(Vector512<double> x, out Vector512<double> cosine)
    {
        var size = Vector512.Abs(x);
        // x^2 and its rounding error.
        var z = x * x;
        var zLow = Vector512.FusedMultiplyAdd(x, x, -z);
        // sin x = x + x (-x^2 / 6 + x^4 / 120 - ...): the first term of the bracket to twice the precision.
        var sixth = Vector512.Create(-1.0 / 6);
        var first = z * sixth;
        var firstLow = Vector512.FusedMultiplyAdd(z, sixth, -first)
            + Vector512.FusedMultiplyAdd(zLow, sixth, z * Vector512.Create(-9.25185853854297066e-18));
        var tail = z * z * Horner(z, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000);
        var bracket = first + tail;
        var bracketLow = tail - (bracket - first) + firstLow;
        var change = x * bracket;
        var changeLow = Vector512.FusedMultiplyAdd(x, bracket, -change) + (x * bracketLow);
        var sine = x + change;
        var sineLow = x - sine + change + changeLow;
        // cos x = 1 - x^2 / 2 + (x^4 / 24 - ...).
        var half = z * Vector512.Create(-0.5);
        var start = Vector512<double>.One + half;
        var rest = Vector512<double>.One - start + half
            + Vector512.FusedMultiplyAdd(zLow, Vector512.Create(-0.5),
                z * z * Horner(z, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200));
        cosine = start + rest;
        var cosineLow = start - cosine + rest;

        var margin = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0.125)), Vector512.Create(SmallSineMargin),
            Vector512.Create(SineMargin));
        var clear = IsClear(sine, sineLow, margin) & IsClear(cosine, cosineLow, Vector512.Create(CosineMargin))
            & Vector512.LessThanOrEqual(size, Vector512.Create(LargestAngle)).AsInt64();
        var open = ~Vector512.ExtractMostSignificantBits(clear) & 0xFF;
        return open == 0 ? sine : Asked(x, sine, ref cosine, (uint)open);
    }

    /// <summary>x^2 as <c>Math.Pow(x, 2)</c> gives it, which is not always x * x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Square(double x)
    {
        if (OperatingSystem.IsLinux() && Fma.IsSupported)
        {
            var square = x * x;
            var low = Math.FusedMultiplyAdd(x, x, -square);
            var bits = BitConverter.DoubleToInt64Bits(square);
            // Numbers that are neither tiny nor huge, and no power of two, below which the unit is another.
            var usual = (ulong)(bits - BitConverter.DoubleToInt64Bits(1e-250))
                < (ulong)(BitConverter.DoubleToInt64Bits(1e250) - BitConverter.DoubleToInt64Bits(1e-250));
            var unit = BitConverter.Int64BitsToDouble(bits & 0x7FF0_0000_0000_0000) * Unit;
            if (usual && Math.Abs(low) < SquareMargin * unit && (bits & 0x000F_FFFF_FFFF_FFFF) != 0) return square;
        }
        return Math.Pow(x, 2);
    }

    // All bits of a lane are set where high + low rounds to high whatever is added within the margin.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<long> IsClear(Vector512<double> high, Vector512<double> low, Vector512<double> margin)
    {
        var bits = high.AsInt64();
        var unit = (bits & Vector512.Create(0x7FF0_0000_0000_0000)).AsDouble() * Unit;
        var inside = Vector512.LessThan(Vector512.Abs(low), margin * unit).AsInt64();
        // Below a power of two the unit is half as long.
        return Vector512.AndNot(inside, Vector512.Equals(bits & Vector512.Create(0x000F_FFFF_FFFF_FFFF), Vector512<long>.Zero));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<double> Asked(Vector512<double> x, Vector512<double> sine, ref Vector512<double> cosine, uint open)
    {
        Span<double> angles = stackalloc double[Lanes], sines = stackalloc double[Lanes], cosines = stackalloc double[Lanes];
        x.CopyTo(angles);
        sine.CopyTo(sines);
        cosine.CopyTo(cosines);
        for (; open != 0; open &= open - 1)
        {
            var lane = System.Numerics.BitOperations.TrailingZeroCount(open);
            (sines[lane], cosines[lane]) = Math.SinCos(angles[lane]);
        }
        cosine = Vector512.Create<double>(cosines);
        return Vector512.Create<double>(sines);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Horner(Vector512<double> z, double c0, double c1, double c2, double c3, double c4, double c5)
    {
        var sum = Vector512.FusedMultiplyAdd(Vector512.Create(c5), z, Vector512.Create(c4));
        sum = Vector512.FusedMultiplyAdd(sum, z, Vector512.Create(c3));
        sum = Vector512.FusedMultiplyAdd(sum, z, Vector512.Create(c2));
        sum = Vector512.FusedMultiplyAdd(sum, z, Vector512.Create(c1));
        return Vector512.FusedMultiplyAdd(sum, z, Vector512.Create(c0));
    }
}
