using System.Buffers.Binary;

namespace Cresset.Diffusion;

/// <summary>Packing and unpacking of GGUF's quantized blocks.</summary>
internal static class GgufBlocks
{
    public static void Unpack(GgufType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        var (elements, size) = type.Block();
        for (int block = 0, at = 0; at < values.Length; block++, at += elements)
        {
            var source = bytes.Slice(block * size, size);
            var target = values.Slice(at, elements);
            switch (type)
            {
                case GgufType.Q8_0: UnpackQ8(source, target); break;
                case GgufType.Q4_0: UnpackQ4(source, target); break;
                default: UnpackQ4K(source, target); break;
            }
        }
    }

    // Half-precision scale, 32 signed bytes.
    private static void UnpackQ8(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (var i = 0; i < 32; i++) values[i] = scale * (sbyte)block[2 + i];
    }

    // Half-precision scale, 16 bytes: low nibbles are the first half, high nibbles the second, both less 8.
    private static void UnpackQ4(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (var i = 0; i < 16; i++)
        {
            values[i] = scale * ((block[2 + i] & 15) - 8);
            values[16 + i] = scale * ((block[2 + i] >> 4) - 8);
        }
    }

    // Two half-precision scales for the eight 6-bit scales and minima in 12 bytes, then 128 bytes of nibbles, 32 bytes a pair of sub-blocks.
    private static void UnpackQ4K(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block), minimum = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
        var packed = block.Slice(4, 12);
        for (var pair = 0; pair < 4; pair++)
        {
            var nibbles = block.Slice(16 + (32 * pair), 32);
            for (var half = 0; half < 2; half++)
            {
                var (s, m) = ScaleAndMinimum((2 * pair) + half, packed);
                float d = scale * s, low = minimum * m;
                for (var i = 0; i < 32; i++) values[(64 * pair) + (32 * half) + i] = (d * (half == 0 ? nibbles[i] & 15 : nibbles[i] >> 4)) - low;
            }
        }
    }

    private static (int Scale, int Minimum) ScaleAndMinimum(int index, ReadOnlySpan<byte> packed) => index < 4
        ? (packed[index] & 63, packed[index + 4] & 63)
        : ((packed[index + 4] & 15) | ((packed[index - 4] >> 6) << 4), (packed[index + 4] >> 4) | ((packed[index] >> 6) << 4));

    /// <summary>Packs a row into Q8_0 blocks; its length must be a multiple of 32.</summary>
    public static byte[] PackQ8(ReadOnlySpan<float> values)
    {
        var bytes = new byte[values.Length / 32 * 34];
        for (int block = 0, at = 0; at < values.Length; block++, at += 32)
        {
            var largest = 0f;
            for (var i = 0; i < 32; i++) largest = Math.Max(largest, Math.Abs(values[at + i]));
            var scale = largest / 127;
            var target = bytes.AsSpan(block * 34, 34);
            BinaryPrimitives.WriteHalfLittleEndian(target, (Half)scale);
            for (var i = 0; i < 32; i++) target[2 + i] = (byte)(sbyte)(scale == 0 ? 0 : Math.Clamp(MathF.Round(values[at + i] / scale, MidpointRounding.AwayFromZero), -127, 127));
        }
        return bytes;
    }

    /// <summary>Packs a row into Q4_0 blocks; its length must be a multiple of 32.</summary>
    public static byte[] PackQ4(ReadOnlySpan<float> values)
    {
        var bytes = new byte[values.Length / 32 * 18];
        for (int block = 0, at = 0; at < values.Length; block++, at += 32)
        {
            // The value of largest magnitude, sign included, is laid on -8.
            var extreme = 0f;
            for (var i = 0; i < 32; i++)
            {
                if (Math.Abs(values[at + i]) > Math.Abs(extreme)) extreme = values[at + i];
            }
            var scale = extreme / -8;
            var target = bytes.AsSpan(block * 18, 18);
            BinaryPrimitives.WriteHalfLittleEndian(target, (Half)scale);
            for (var i = 0; i < 16; i++) target[2 + i] = (byte)(Nibble(values[at + i], scale) | (Nibble(values[at + 16 + i], scale) << 4));
        }
        return bytes;
    }

    private static int Nibble(float value, float scale) => scale == 0 ? 8 : Math.Clamp((int)((value / scale) + 8.5f), 0, 15);
}
