namespace Cresset.Tensors;

/// <summary>The two 8-bit floats of OCP OFP8: E5M2 (IEEE-like) and E4M3 (no infinities, one NaN pattern a sign, up to 448).</summary>
internal static class Float8
{
    public static float FromE5M2(byte bits) => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8));

    public static float FromE4M3(byte bits)
    {
        int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        if (exponent == 15 && mantissa == 7) return float.NaN;
        var magnitude = exponent == 0 ? mantissa / 8f * MathF.Pow(2, -6) : (1 + (mantissa / 8f)) * MathF.Pow(2, exponent - 7);
        return (bits & 0x80) != 0 ? -magnitude : magnitude;
    }

    /// <summary>Nearest value, ties to even; what lies beyond the largest finite value becomes infinite.</summary>
    public static byte ToE5M2(float value) => Encode(value, overflow: 0x7c, nan: 0x7e, FromE5M2);

    /// <summary>Nearest value, ties to even; what lies beyond 448 becomes NaN, since the format has no infinity.</summary>
    public static byte ToE4M3(float value) => Encode(value, overflow: 0x7f, nan: 0x7f, FromE4M3);

    private static byte Encode(float value, byte overflow, byte nan, Func<byte, float> decode)
    {
        var sign = (byte)(float.IsNegative(value) ? 0x80 : 0);
        if (float.IsNaN(value)) return (byte)(sign | nan);
        var magnitude = Math.Abs((double)value);
        // Values rise with their bit patterns: find the last pattern that is not above, then round to the nearer, even on ties.
        int low = 0, high = overflow;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (decode((byte)middle) <= magnitude) low = middle;
            else high = middle;
        }
        double below = decode((byte)low);
        // Beyond the largest finite value the grid goes on with the same step for rounding.
        var above = high == overflow ? below + (below - decode((byte)(low - 1))) : decode((byte)high);
        var up = magnitude - below > above - magnitude || (magnitude - below == above - magnitude && (low & 1) == 1);
        return (byte)(sign | (up ? high : low));
    }
}
