using System.Buffers.Binary;

namespace Cresset.Nn;

// ggml's blocks of 256 values: sub-blocks of 16 or 32 whose own scales (and minima) are small integers, multiplied by one half-precision
// scale (and minimum) for the whole block.
internal readonly struct Q2KDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 84;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[80..]),
            low = (float)BinaryPrimitives.ReadHalfLittleEndian(block[82..]);
        for (var sub = 0; sub < 16; sub++)
        {
            // Eight sub-blocks share 32 bytes: four pairs of bits, each pair of sub-blocks in both halves of the bytes.
            var q = block.Slice(16 + (32 * (sub / 8)) + (16 * (sub % 2)), 16);
            int shift = 2 * (sub % 8 / 2), scale = block[sub];
            float s = d * (scale & 15), m = low * (scale >> 4);
            var target = values.Slice(16 * sub, 16);
            for (var i = 0; i < 16; i++) target[i] = (s * ((q[i] >> shift) & 3)) - m;
        }
    }
}

internal readonly struct Q3KDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 110;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[108..]);
        var packed = block.Slice(96, 12);
        for (var sub = 0; sub < 16; sub++)
        {
            // 6-bit scales: four low bits in the first eight bytes, two high bits in the last four.
            var scale = (sub < 8 ? packed[sub] & 15 : packed[sub - 8] >> 4) | (((packed[8 + (sub % 4)] >> (2 * (sub / 4))) & 3) << 4);
            var s = d * (scale - 32);
            int half = 16 * (sub % 2), shift = 2 * (sub % 8 / 2), bit = sub / 2;
            ReadOnlySpan<byte> q = block.Slice(32 + (32 * (sub / 8)) + half, 16), high = block.Slice(half, 16);
            var target = values.Slice(16 * sub, 16);
            for (var i = 0; i < 16; i++) target[i] = s * (((q[i] >> shift) & 3) - (((high[i] >> bit) & 1) != 0 ? 0 : 4));
        }
    }
}

internal readonly struct Q4KDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 144;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block), low = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
        for (var pair = 0; pair < 4; pair++)
        {
            var q = block.Slice(16 + (32 * pair), 32);
            var (s1, m1) = ScaleAndMinimum(2 * pair, block.Slice(4, 12));
            var (s2, m2) = ScaleAndMinimum((2 * pair) + 1, block.Slice(4, 12));
            float d1 = d * s1, low1 = low * m1, d2 = d * s2, low2 = low * m2;
            Span<float> first = values.Slice(64 * pair, 32), second = values.Slice((64 * pair) + 32, 32);
            for (var i = 0; i < 32; i++)
            {
                first[i] = (d1 * (q[i] & 15)) - low1;
                second[i] = (d2 * (q[i] >> 4)) - low2;
            }
        }
    }

    /// <summary>The 6-bit scale and minimum of a sub-block, of eight each in 12 bytes.</summary>
    internal static (int Scale, int Minimum) ScaleAndMinimum(int index, ReadOnlySpan<byte> packed) => index < 4
        ? (packed[index] & 63, packed[index + 4] & 63)
        : ((packed[index + 4] & 15) | ((packed[index - 4] >> 6) << 4), (packed[index + 4] >> 4) | ((packed[index] >> 6) << 4));
}

internal readonly struct Q5KDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 176;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(block), low = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
        var high = block.Slice(16, 32);
        for (var sub = 0; sub < 8; sub++)
        {
            var q = block.Slice(48 + (32 * (sub / 2)), 32);
            var (s, m) = Q4KDecoder.ScaleAndMinimum(sub, block.Slice(4, 12));
            float scale = d * s, minimum = low * m;
            var shift = 4 * (sub % 2);
            var target = values.Slice(32 * sub, 32);
            for (var i = 0; i < 32; i++) target[i] = (scale * (((q[i] >> shift) & 15) + (((high[i] >> sub) & 1) << 4))) - minimum;
        }
    }
}

internal readonly struct Q6KDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 210;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block[208..]);
        for (var sub = 0; sub < 16; sub++)
        {
            // Each half of the block: 64 bytes of low nibbles, 32 bytes of pairs of high bits.
            int half = sub / 8, part = sub % 8, at = 16 * (part % 2);
            var q = block.Slice((64 * half) + (32 * (part / 2 % 2)) + at, 16);
            var high = block.Slice(128 + (32 * half) + at, 16);
            int shift = 4 * (part / 4), pair = 2 * (part / 2);
            var s = d * (sbyte)block[192 + sub];
            var target = values.Slice(16 * sub, 16);
            for (var i = 0; i < 16; i++) target[i] = s * ((((q[i] >> shift) & 15) | (((high[i] >> pair) & 3) << 4)) - 32);
        }
    }
}

internal readonly struct Iq4XsDecoder : IBlockDecoder
{
    public int Elements => 256;

    public int Bytes => 136;

    public void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        var high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (var sub = 0; sub < 8; sub++)
        {
            var scale = ((block[4 + (sub / 2)] >> (4 * (sub % 2))) & 15) | (((high >> (2 * sub)) & 3) << 4);
            var s = d * (scale - 32);
            var q = block.Slice(8 + (16 * sub), 16);
            var target = values.Slice(32 * sub, 32);
            for (var i = 0; i < 16; i++)
            {
                target[i] = s * Iq4NlDecoder.Table[q[i] & 15];
                target[16 + i] = s * Iq4NlDecoder.Table[q[i] >> 4];
            }
        }
    }
}
