namespace Cresset.Optim;

/// <summary>
/// A code of 8 or 4 bits for numbers in [-1, 1] or [0, 1]. The dynamic code of Dettmers et al. (2022) has a decimal exponent of variable
/// length, so it is dense near zero in relative terms; the 4-bit code of numbers that are not negative is linear without a zero (Li et al.
/// 2023).
/// Encoding looks up the upper half of the float's bits and corrects by one against the midpoints.
/// </summary>
internal sealed class QuantizedCodebook
{
    private readonly float[] _midpoints;
    private readonly byte[] _guess;

    private QuantizedCodebook(float[] values)
    {
        Values = values;
        Zero = (byte)Math.Max(0, Array.IndexOf(Values, 0f));
        _midpoints = new float[values.Length - 1];
        for (var i = 0; i < _midpoints.Length; i++) _midpoints[i] = (Values[i] + Values[i + 1]) / 2;
        _guess = new byte[1 << 16];
        for (var bits = 0; bits < _guess.Length; bits++)
        {
            var value = BitConverter.UInt32BitsToSingle((uint)bits << 16);
            _guess[bits] = float.IsNaN(value) ? Zero : Search(value);
        }
    }

    /// <summary>For values of both signs.</summary>
    public static QuantizedCodebook Signed { get; } = new(Dynamic(8, signed: true));

    /// <summary>For values that are not negative.</summary>
    public static QuantizedCodebook Unsigned { get; } = new(Dynamic(8, signed: false));

    /// <summary>Four bits for values of both signs.</summary>
    public static QuantizedCodebook SignedFour { get; } = new(Dynamic(4, signed: true));

    /// <summary>
    /// Four bits for values that are not negative: 1/16, 2/16, ..., 1. Without a zero no second moment can vanish under a root.
    /// </summary>
    public static QuantizedCodebook UnsignedFour { get; } = new([.. Enumerable.Range(1, 16).Select(i => i / 16f)]);

    /// <summary>The values in rising order, 256 or 16.</summary>
    public float[] Values { get; }

    /// <summary>The code of 0, or of the smallest value where there is no 0.</summary>
    public byte Zero { get; }

    /// <summary>The code nearest to <paramref name="value"/>.</summary>
    public byte Encode(float value)
    {
        int code = _guess[BitConverter.SingleToUInt32Bits(value) >> 16];
        while (code < _midpoints.Length && value > _midpoints[code]) code++;
        while (code > 0 && value <= _midpoints[code - 1]) code--;
        return (byte)code;
    }

    private byte Search(float value)
    {
        var at = Array.BinarySearch(_midpoints, value);
        return (byte)(at >= 0 ? at : ~at);
    }

    /// <summary>
    /// One exponent less than there are bits; each has one more digit of fraction. The signed code spends a bit on the sign, the unsigned
    /// one on the fraction.
    /// </summary>
    private static float[] Dynamic(int bits, bool signed)
    {
        var exponents = bits - 1;
        var values = new List<float> { 0, 1 };
        for (var i = 0; i < exponents; i++)
        {
            var count = signed ? 1 << i : 1 << (i + 1);
            var scale = Math.Pow(10, i - (exponents - 1));
            for (var j = 0; j < count; j++)
            {
                var fraction = 0.1 + (0.9 * (j + 0.5) / count);
                values.Add((float)(scale * fraction));
                if (signed) values.Add((float)(-scale * fraction));
            }
        }
        values.Sort();
        return values.Count == 1 << bits ? [.. values] : throw new InvalidOperationException($"The code has {values.Count} values.");
    }
}
