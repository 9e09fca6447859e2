using System.Numerics;
using System.Runtime.InteropServices;

namespace Cresset.Quantization;

/// <summary>CRC-32C (Castagnoli).</summary>
internal static class CodeChecksum
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    /// <summary>Of codes as int64.</summary>
    public static uint Of(ReadOnlySpan<long> codes)
    {
        var crc = uint.MaxValue;
        foreach (var value in codes) crc = BitOperations.Crc32C(crc, (ulong)value);
        return ~crc;
    }
}
