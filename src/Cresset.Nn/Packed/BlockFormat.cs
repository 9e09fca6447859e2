namespace Cresset.Nn;

/// <summary>Unpacks one block of a storage format. A struct, so that each format gets a loop of its own without a call per block.</summary>
internal interface IBlockDecoder
{
    /// <summary>Values in a block.</summary>
    int Elements { get; }

    /// <summary>Bytes in a block.</summary>
    int Bytes { get; }

    /// <summary>One block of bytes to its values.</summary>
    void Decode(ReadOnlySpan<byte> block, Span<float> values);
}

/// <summary>A way to store the rows of a matrix in fewer bytes than half precision takes.</summary>
internal abstract class BlockFormat
{
    public static readonly BlockFormat Float8E4M3 = Of("F8_E4M3", TableDecoder.Float8E4M3);
    public static readonly BlockFormat Float8E5M2 = Of("F8_E5M2", TableDecoder.Float8E5M2);
    public static readonly BlockFormat Int8 = Of("I8", TableDecoder.Int8);

    private protected BlockFormat(string name, int elements, int bytes) => (Name, Elements, Bytes) = (name, elements, bytes);

    /// <summary>Its name in headers and messages.</summary>
    public string Name { get; }

    /// <summary>Values in a block; rows are whole blocks.</summary>
    public int Elements { get; }

    /// <summary>Bytes in a block.</summary>
    public int Bytes { get; }

    /// <summary>Bytes of a row of so many values.</summary>
    public long RowBytes(long columns) => columns / Elements * Bytes;

    /// <summary>Whole blocks to their values.</summary>
    public abstract void Decode(ReadOnlySpan<byte> bytes, Span<float> values);

    /// <summary>Two 4-bit numbers a byte, the first in the high half, each the index of a value.</summary>
    public static BlockFormat Nibbles(string name, float[] table) => Of(name, new NibbleDecoder(table));

    public static BlockFormat? Of(GgufType type) => type switch
    {
        GgufType.Q4_0 => Of("Q4_0", default(Q4Decoder)),
        GgufType.Q4_1 => Of("Q4_1", default(Q41Decoder)),
        GgufType.Q5_0 => Of("Q5_0", default(Q5Decoder)),
        GgufType.Q5_1 => Of("Q5_1", default(Q51Decoder)),
        GgufType.Q8_0 => Of("Q8_0", default(Q8Decoder)),
        GgufType.Q2_K => Of("Q2_K", default(Q2KDecoder)),
        GgufType.Q3_K => Of("Q3_K", default(Q3KDecoder)),
        GgufType.Q4_K => Of("Q4_K", default(Q4KDecoder)),
        GgufType.Q5_K => Of("Q5_K", default(Q5KDecoder)),
        GgufType.Q6_K => Of("Q6_K", default(Q6KDecoder)),
        GgufType.IQ4_NL => Of("IQ4_NL", default(Iq4NlDecoder)),
        GgufType.IQ4_XS => Of("IQ4_XS", default(Iq4XsDecoder)),
        _ => null,
    };

    private static Blocks<T> Of<T>(string name, T decoder)
        where T : struct, IBlockDecoder => new(name, decoder);

    private sealed class Blocks<T>(string name, T decoder) : BlockFormat(name, decoder.Elements, decoder.Bytes)
        where T : struct, IBlockDecoder
    {
        public override void Decode(ReadOnlySpan<byte> bytes, Span<float> values)
        {
            for (int from = 0, to = 0; to < values.Length; from += Bytes, to += Elements)
                decoder.Decode(bytes.Slice(from, Bytes), values.Slice(to, Elements));
        }
    }
}

/// <summary>A byte is the index of a value: both 8-bit floats and 8-bit integers.</summary>
internal readonly struct TableDecoder(float[] table) : IBlockDecoder
{
    public static readonly TableDecoder Float8E4M3 = new([.. Enumerable.Range(0, 256).Select(b => E4M3((byte)b))]);
    public static readonly TableDecoder Float8E5M2 = new(
        [.. Enumerable.Range(0, 256).Select(b => (float)BitConverter.UInt16BitsToHalf((ushort)(b << 8)))]);
    public static readonly TableDecoder Int8 = new([.. Enumerable.Range(0, 256).Select(b => (float)(sbyte)b)]);

    public int Elements => 1;

    public int Bytes => 1;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values) => values[0] = table[block[0]];

    // OCP OFP8: bias 7, no infinities, one NaN a sign.
    private static float E4M3(byte bits)
    {
        int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        if (exponent == 15 && mantissa == 7) return float.NaN;
        var magnitude = exponent == 0 ? mantissa * MathF.ScaleB(1, -9) : MathF.ScaleB(8 + mantissa, exponent - 10);
        return (bits & 0x80) != 0 ? -magnitude : magnitude;
    }
}

/// <summary>Two indices into a table of 16 a byte, the first in the high half (bitsandbytes' NF4 and FP4).</summary>
internal readonly struct NibbleDecoder(float[] table) : IBlockDecoder
{
    public int Elements => 2;

    public int Bytes => 1;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        values[0] = table[block[0] >> 4];
        values[1] = table[block[0] & 15];
    }
}
