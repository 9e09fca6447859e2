namespace Cresset.Data;

/// <summary>The checksum of gzip, zip and PNG (polynomial 0xedb88320).</summary>
internal static class Crc32
{
    private static readonly uint[] Table = MakeTable();

    public static uint Of(ReadOnlySpan<byte> bytes) => ~Add(uint.MaxValue, bytes);

    /// <summary>Goes on with a running value that began as all ones and is inverted at the end.</summary>
    public static uint Add(uint running, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) running = Table[(running ^ b) & 0xff] ^ (running >> 8);
        return running;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? 0xedb88320 ^ (value >> 1) : value >> 1;
            table[i] = value;
        }
        return table;
    }
}
