using System.Buffers.Binary;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Values of the element types that TorchSharp lacks, as the tensor type that holds them all.</summary>
internal static class SmallFloats
{
    /// <summary>A flat tensor of the entry's values, which are stored in <paramref name="bytes"/>.</summary>
    /// <exception cref="NotSupportedException">The type is unknown, or an unsigned 64-bit value does not fit.</exception>
    public static Tensor Decode(ReadOnlySpan<byte> bytes, SafetensorsEntry entry, string path)
    {
        switch (entry.Dtype)
        {
            case SafetensorsDtype.U16:
                var words = new int[bytes.Length / 2];
                for (var i = 0; i < words.Length; i++) words[i] = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
                return tensor(words);
            case SafetensorsDtype.U32:
                var wide = new long[bytes.Length / 4];
                for (var i = 0; i < wide.Length; i++) wide[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 * i)..]);
                return tensor(wide);
            case SafetensorsDtype.U64:
                var longs = new long[bytes.Length / 8];
                for (var i = 0; i < longs.Length; i++)
                {
                    var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(8 * i)..]);
                    if (value > long.MaxValue)
                        throw new NotSupportedException(
                            $"{path}: '{entry.Name}' holds {value} at element {i}, above 2^63 - 1; a tensor of 64-bit signed numbers "
                                + $"cannot hold it. ReadBytes gives the stored bytes.");
                    longs[i] = (long)value;
                }
                return tensor(longs);
            case SafetensorsDtype.C32:
                var halves = new float[bytes.Length / 2];
                for (var i = 0; i < halves.Length; i++) halves[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
                using (var parts = tensor(halves)) return complex(parts.view(-1, 2).select(1, 0), parts.view(-1, 2).select(1, 1));
            default:
                var values = Floats(bytes, entry.Dtype, entry.Count);
                using (var singles = tensor(values)) return singles.to(ScalarType.BFloat16);
        }
    }

    /// <summary>Values of 4-, 6- and 8-bit floats; bit i of the stream is bit i % 8 of byte i / 8.</summary>
    public static float[] Floats(ReadOnlySpan<byte> bytes, SafetensorsDtype dtype, long count)
    {
        var bits = dtype.Bits();
        var table = new float[1 << bits];
        for (var i = 0; i < table.Length; i++) table[i] = Value(i, dtype);
        var values = new float[count];
        for (var i = 0; i < values.Length; i++)
        {
            var at = (long)i * bits;
            var (index, shift) = ((int)(at / 8), (int)(at % 8));
            var word = bytes[index] | (shift + bits > 8 ? bytes[index + 1] << 8 : 0);
            values[i] = table[(word >> shift) & ((1 << bits) - 1)];
        }
        return values;
    }

    private static float Value(int pattern, SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F8E5M2 => Float8.FromE5M2((byte)pattern),
        SafetensorsDtype.F8E4M3 => Float8.FromE4M3((byte)pattern),
        SafetensorsDtype.F8E8M0 => pattern == 255 ? float.NaN : MathF.ScaleB(1, pattern - 127),
        SafetensorsDtype.F8E4M3Fnuz => pattern == 128 ? float.NaN : Finite(pattern, 4, 3, 8),
        SafetensorsDtype.F8E5M2Fnuz => pattern == 128 ? float.NaN : Finite(pattern, 5, 2, 16),
        SafetensorsDtype.F6E2M3 => Finite(pattern, 2, 3, 1),
        SafetensorsDtype.F6E3M2 => Finite(pattern, 3, 2, 3),
        SafetensorsDtype.F4 => Finite(pattern, 2, 1, 1),
        _ => throw new NotSupportedException($"Values of type {dtype.Name()} cannot be read; ReadBytes gives the stored bytes."),
    };

    // sign, exponent, mantissa without special values: the largest exponent is an ordinary one.
    private static float Finite(int pattern, int exponentBits, int mantissaBits, int bias)
    {
        int exponent = (pattern >> mantissaBits) & ((1 << exponentBits) - 1), mantissa = pattern & ((1 << mantissaBits) - 1);
        var fraction = (float)mantissa / (1 << mantissaBits);
        var magnitude = exponent == 0 ? MathF.ScaleB(fraction, 1 - bias) : MathF.ScaleB(1 + fraction, exponent - bias);
        return (pattern >> (exponentBits + mantissaBits)) == 1 ? -magnitude : magnitude;
    }
}
