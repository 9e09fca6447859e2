using System.Buffers.Binary;
using System.IO.Compression;

namespace Cresset.Data;

/// <summary>A file of unsigned bytes in the IDX layout of MNIST and its relatives, plain or gzip.</summary>
/// <param name="Shape">Sizes, the number of records first.</param>
/// <param name="Values">All bytes, row-major.</param>
public sealed record IdxFile(int[] Shape, byte[] Values)
{
    // 2 GiB of decompressed data: beyond any IDX file, below what an array can hold.
    private const long MaxBytes = int.MaxValue - 64;

    /// <summary>Reads and checks a file; <c>.gz</c> is recognised by its first bytes, not its name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">3 for images, 1 for labels.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">Wrong magic number, truncated or damaged data; the message names file and offset.</exception>
    public static IdxFile Read(string path, int dimensions)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path, dimensions);
    }

    /// <summary>Reads from an open stream; <paramref name="name"/> stands in messages.</summary>
    /// <inheritdoc cref="Read(string, int)"/>
    public static IdxFile Read(Stream stream, string name, int dimensions)
    {
        var content = Decompress(stream, name);
        var expected = 0x00000800 + dimensions;
        if (content.Length < 4) throw new InvalidDataException($"{name}: {content.Length} bytes; an IDX file starts with a 4-byte magic number (0x{expected:x8} here).");
        var magic = BinaryPrimitives.ReadInt32BigEndian(content);
        if (magic != expected)
        {
            var hint = magic == 0x00000801 ? " This is a label file." : magic == 0x00000803 ? " This is an image file." : "";
            throw new InvalidDataException($"{name}: magic number 0x{magic:x8} at offset 0; expected 0x{expected:x8} (unsigned bytes, {dimensions} dimension{(dimensions == 1 ? "" : "s")}).{hint}");
        }
        var start = 4 + (4 * dimensions);
        if (content.Length < start) throw new InvalidDataException($"{name}: ends at offset {content.Length}, inside the sizes (which end at {start}).");
        var shape = new int[dimensions];
        long count = 1;
        for (var i = 0; i < dimensions; i++)
        {
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(4 + (4 * i)));
            if (shape[i] < 0) throw new InvalidDataException($"{name}: size {shape[i]} of dimension {i} at offset {4 + (4 * i)} is negative.");
            count *= shape[i];
            if (count > MaxBytes) throw new InvalidDataException($"{name}: the sizes [{string.Join(", ", shape[..(i + 1)])}...] ask for more than {MaxBytes} bytes.");
        }
        if (content.Length != start + count)
        {
            throw new InvalidDataException(content.Length < start + count
                ? $"{name}: the data ends at offset {content.Length}; sizes [{string.Join(", ", shape)}] need {start + count} bytes. The file is truncated."
                : $"{name}: {content.Length - start - count} bytes follow the data, which ends at offset {start + count}.");
        }
        return new IdxFile(shape, content[start..]);
    }

    private static byte[] Decompress(Stream stream, string name)
    {
        using var raw = new MemoryStream();
        stream.CopyTo(raw);
        raw.Position = 0;
        if (raw.Length < 2 || raw.GetBuffer()[0] != 0x1f || raw.GetBuffer()[1] != 0x8b) return raw.ToArray();
        using var content = new MemoryStream();
        try
        {
            using var gzip = new GZipStream(raw, CompressionMode.Decompress, leaveOpen: true);
            var buffer = new byte[1 << 16];
            for (int got; (got = gzip.Read(buffer)) > 0;)
            {
                if (content.Length + got > MaxBytes) throw new InvalidDataException($"{name}: decompresses to more than {MaxBytes} bytes.");
                content.Write(buffer, 0, got);
            }
        }
        catch (InvalidDataException e) when (!e.Message.StartsWith(name, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"{name}: damaged gzip data near compressed offset {raw.Position}, {content.Length} bytes into the content: {e.Message}", e);
        }
        CheckGzipTail(raw.ToArray(), content, name);
        return content.ToArray();
    }

    // .NET's decompressor ends quietly where the stream was cut: the length and checksum in the last 8 bytes tell.
    private static void CheckGzipTail(byte[] raw, MemoryStream content, string name)
    {
        if (raw.Length < 18) throw new InvalidDataException($"{name}: {raw.Length} bytes are too few for gzip data. The file is truncated.");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(raw.Length - 4));
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(raw.Length - 8));
        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        if (length != (uint)bytes.Length || checksum != Crc32(bytes))
            throw new InvalidDataException($"{name}: gzip data ends at compressed offset {raw.Length} after {bytes.Length} bytes of content, but its checksum does not match. The file is truncated or damaged.");
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        Span<uint> table = stackalloc uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? 0xedb88320 ^ (value >> 1) : value >> 1;
            table[(int)i] = value;
        }
        var crc = uint.MaxValue;
        foreach (var b in bytes) crc = table[(int)((crc ^ b) & 0xff)] ^ (crc >> 8);
        return ~crc;
    }
}
