using System.Buffers.Binary;

namespace Cresset.Nn;

// ggml's blocks of 32 values: a half-precision scale d, in some a minimum m as well, then the numbers. Low nibbles are the first 16 values,
// high nibbles the last 16.
internal readonly struct Q4Decoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 18;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        var q = block.Slice(2, 16);
        for (var i = 0; i < 16; i++)
        {
            values[i] = d * ((q[i] & 15) - 8);
            values[16 + i] = d * ((q[i] >> 4) - 8);
        }
    }
}

internal readonly struct Q41Decoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 20;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block), m = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
        var q = block.Slice(4, 16);
        for (var i = 0; i < 16; i++)
        {
            values[i] = (d * (q[i] & 15)) + m;
            values[16 + i] = (d * (q[i] >> 4)) + m;
        }
    }
}

// The fifth bits of the 32 numbers stand together in one 32-bit word.
internal readonly struct Q5Decoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 22;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        var high = BinaryPrimitives.ReadUInt32LittleEndian(block[2..]);
        var q = block.Slice(6, 16);
        for (var i = 0; i < 16; i++)
        {
            values[i] = d * (((q[i] & 15) | (int)(((high >> i) & 1) << 4)) - 16);
            values[16 + i] = d * (((q[i] >> 4) | (int)(((high >> (16 + i)) & 1) << 4)) - 16);
        }
    }
}

internal readonly struct Q51Decoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 24;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block), m = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
        var high = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        var q = block.Slice(8, 16);
        for (var i = 0; i < 16; i++)
        {
            values[i] = (d * ((q[i] & 15) | (int)(((high >> i) & 1) << 4))) + m;
            values[16 + i] = (d * ((q[i] >> 4) | (int)(((high >> (16 + i)) & 1) << 4))) + m;
        }
    }
}

internal readonly struct Q8Decoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 34;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (var i = 0; i < 32; i++) values[i] = d * (sbyte)block[2 + i];
    }
}

// 4-bit indices into a fixed table that is denser near zero.
internal readonly struct Iq4NlDecoder : IBlockDecoder
{
    public int Elements => 32;

    public int Bytes => 18;

    internal static ReadOnlySpan<sbyte> Table => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        var q = block.Slice(2, 16);
        for (var i = 0; i < 16; i++)
        {
            values[i] = d * Table[q[i] & 15];
            values[16 + i] = d * Table[q[i] >> 4];
        }
    }
}
