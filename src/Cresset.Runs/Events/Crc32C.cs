using System.Buffers.Binary;
using System.Numerics;

namespace Cresset.Runs;

/// <summary>The Castagnoli checksum and the masked form that TFRecord files store.</summary>
internal static class Crc32C
{
    private const uint MaskDelta = 0xA282EAD8;

    /// <summary>CRC-32C of the bytes (SSE4.2 or Arm instructions where the processor has them).</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    /// <summary>
    /// The checksum as TFRecord stores it: rotated right by 15 bits, plus a constant, so that checksums of data that holds checksums stay
    /// useful.
    /// </summary>
    public static uint Masked(ReadOnlySpan<byte> bytes) => unchecked(BitOperations.RotateRight(Compute(bytes), 15) + MaskDelta);
}
