using System.Buffers.Binary;

namespace Cresset.Data;

/// <summary>A quick look at a picture file: a known beginning and the end of its format.</summary>
internal static class PictureEnds
{
    private const int Length = 64;

    /// <summary>
    /// The size of the file in bytes, where it is whole as far as its ends tell; it is decoded where they do not.
    /// </summary>
    /// <exception cref="InvalidDataException">It is empty, no picture, truncated or damaged.</exception>
    public static long Check(string path)
    {
        Span<byte> head = stackalloc byte[Length], tail = stackalloc byte[Length];
        long length;
        int got, last;
        try
        {
            using var file = File.OpenHandle(path);
            length = RandomAccess.GetLength(file);
            got = RandomAccess.Read(file, head, 0);
            last = RandomAccess.Read(file, tail, Math.Max(0, length - Length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path}: cannot be read: {e.Message}", e);
        }
        if (!IsWhole(head[..got], tail[..last], length)) PictureDecoder.Decode(path, 1, default);
        return length;
    }

    private static bool IsWhole(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long length)
    {
        if (JpegFile.Is(head)) return tail.EndsWith((ReadOnlySpan<byte>)[0xff, 0xd9]);
        if (PngFile.Is(head))
            return tail.EndsWith((ReadOnlySpan<byte>)[(byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xae, 0x42, 0x60, 0x82]);
        if (head.StartsWith("GIF8"u8)) return tail.EndsWith((ReadOnlySpan<byte>)[0x3b]);
        if (head.StartsWith("RIFF"u8) && head.Length >= 12) return BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) + 8 == length;
        if (head.StartsWith("BM"u8) && head.Length >= 6) return BinaryPrimitives.ReadUInt32LittleEndian(head[2..]) == length;
        return false;
    }
}
