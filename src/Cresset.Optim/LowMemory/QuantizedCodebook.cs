namespace Cresset.Optim;

/// <summary>
/// The dynamic 8-bit code of Dettmers et al. (2022): values in [-1, 1] (or [0, 1]) with a decimal exponent of variable length, dense near zero in
/// relative terms. Encoding looks up the upper half of the float's bits and corrects by one against the midpoints.
/// </summary>
internal sealed class QuantizedCodebook
{
    private readonly float[] _midpoints;
    private readonly byte[] _guess;

    private QuantizedCodebook(bool signed)
    {
        Values = Build(signed);
        Zero = (byte)Array.IndexOf(Values, 0f);
        _midpoints = new float[255];
        for (var i = 0; i < 255; i++) _midpoints[i] = (Values[i] + Values[i + 1]) / 2;
        _guess = new byte[1 << 16];
        for (var bits = 0; bits < _guess.Length; bits++)
        {
            var value = BitConverter.UInt32BitsToSingle((uint)bits << 16);
            _guess[bits] = float.IsNaN(value) ? Zero : Search(value);
        }
    }

    /// <summary>For values of both signs.</summary>
    public static QuantizedCodebook Signed { get; } = new(true);

    /// <summary>For values that are not negative.</summary>
    public static QuantizedCodebook Unsigned { get; } = new(false);

    /// <summary>The 256 values in rising order.</summary>
    public float[] Values { get; }

    /// <summary>The code of 0.</summary>
    public byte Zero { get; }

    /// <summary>The code nearest to <paramref name="value"/>.</summary>
    public byte Encode(float value)
    {
        int code = _guess[BitConverter.SingleToUInt32Bits(value) >> 16];
        while (code < 255 && value > _midpoints[code]) code++;
        while (code > 0 && value <= _midpoints[code - 1]) code--;
        return (byte)code;
    }

    private byte Search(float value)
    {
        var at = Array.BinarySearch(_midpoints, value);
        return (byte)(at >= 0 ? at : ~at);
    }

    /// <summary>Seven exponents; each one more digit of fraction. The signed code spends a bit on the sign, the unsigned one on the fraction.</summary>
    private static float[] Build(bool signed)
    {
        const int Exponents = 7;
        var values = new List<float> { 0, 1 };
        for (var i = 0; i < Exponents; i++)
        {
            var count = signed ? 1 << i : 1 << (i + 1);
            var scale = Math.Pow(10, i - (Exponents - 1));
            for (var j = 0; j < count; j++)
            {
                var fraction = 0.1 + (0.9 * (j + 0.5) / count);
                values.Add((float)(scale * fraction));
                if (signed) values.Add((float)(-scale * fraction));
            }
        }
        values.Sort();
        return values.Count == 256 ? [.. values] : throw new InvalidOperationException($"The code has {values.Count} values.");
    }
}
