using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>The element types of the IDX layout, by their code in the magic number.</summary>
internal enum IdxElement
{
    /// <summary>Unsigned bytes.</summary>
    Byte = 0x08,

    /// <summary>Signed bytes.</summary>
    SignedByte = 0x09,

    /// <summary>16-bit whole numbers.</summary>
    Int16 = 0x0b,

    /// <summary>32-bit whole numbers.</summary>
    Int32 = 0x0c,

    /// <summary>32-bit floats.</summary>
    Float32 = 0x0d,

    /// <summary>64-bit floats.</summary>
    Float64 = 0x0e,
}

/// <summary>A file in the IDX layout of MNIST and its relatives, plain or gzip.</summary>
/// <param name="Shape">Sizes, the number of records first.</param>
/// <param name="Element">Type of the elements.</param>
/// <param name="Values">All bytes as stored (big endian), row-major.</param>
internal sealed record IdxFile(int[] Shape, IdxElement Element, byte[] Values)
{
    // 2 GiB of decompressed data: beyond any IDX file, below what an array can hold.
    private const long MaxBytes = int.MaxValue - 64;

    /// <summary>Reads and checks a file; <c>.gz</c> is recognised by its first bytes, not its name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">3 for images, 1 for labels; 0 takes any.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">Wrong magic number, truncated or damaged data; the message names file and offset.</exception>
    public static IdxFile Read(string path, int dimensions = 0)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path, dimensions);
    }

    /// <summary>Reads from an open stream; <paramref name="name"/> stands in messages.</summary>
    /// <inheritdoc cref="Read(string, int)"/>
    public static IdxFile Read(Stream stream, string name, int dimensions = 0)
    {
        var content = Decompress(stream, name);
        var expected = 0x00000800 + dimensions;
        if (content.Length < 4)
        {
            throw new InvalidDataException($"{name}: {content.Length} bytes; an IDX file starts with a 4-byte magic number "
                + $"(0x{expected:x8} here).");
        }
        var magic = BinaryPrimitives.ReadInt32BigEndian(content);
        var element = (IdxElement)(magic >> 8);
        var there = magic & 0xff;
        if (!Enum.IsDefined(element) || there == 0 || (dimensions != 0 && there != dimensions))
        {
            var hint = magic == 0x00000801 ? " This is a label file." : magic == 0x00000803 ? " This is an image file." : "";
            var wanted = dimensions == 0 ? "0x000008nn with nn dimensions" : $"0x{expected:x8} (unsigned bytes, {dimensions} "
                + $"dimension{(dimensions == 1 ? "" : "s")}) or another element type from 08 to 0e";
            throw new InvalidDataException($"{name}: magic number 0x{magic:x8} at offset 0; expected {wanted}.{hint}");
        }
        var start = 4 + (4 * there);
        if (content.Length < start)
        {
            throw new InvalidDataException($"{name}: ends at offset {content.Length}, inside the sizes (which end at {start}).");
        }
        var shape = new int[there];
        long count = SizeOf(element);
        for (var i = 0; i < there; i++)
        {
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(4 + (4 * i)));
            if (shape[i] < 0)
            {
                throw new InvalidDataException($"{name}: size {shape[i]} of dimension {i} at offset {4 + (4 * i)} is negative.");
            }
            count *= shape[i];
            if (count > MaxBytes)
            {
                throw new InvalidDataException($"{name}: the sizes [{string.Join(", ", shape[..(i + 1)])}...] ask for more than "
                    + $"{MaxBytes} bytes.");
            }
        }
        if (content.Length != start + count)
        {
            throw new InvalidDataException(content.Length < start + count
                ? $"{name}: the data ends at offset {content.Length}; sizes [{string.Join(", ", shape)}] need {start + count} bytes. "
                    + $"The file is truncated."
                : $"{name}: {content.Length - start - count} bytes follow the data, which ends at offset {start + count}.");
        }
        return new IdxFile(shape, element, content[start..]);
    }

    /// <summary>The elements as a tensor of their own type (unsigned bytes as uint8).</summary>
    public Tensor ToTensor()
    {
        var size = SizeOf(Element);
        var values = (byte[])Values.Clone();
        if (BitConverter.IsLittleEndian)
        {
            for (var at = 0; size > 1 && at < values.Length; at += size) values.AsSpan(at, size).Reverse();
        }
        var shape = Shape.Select(s => (long)s).ToArray();
        return Element switch
        {
            IdxElement.Byte => tensor(values, shape),
            IdxElement.SignedByte => tensor(MemoryMarshal.Cast<byte, sbyte>(values).ToArray(), shape),
            IdxElement.Int16 => tensor(MemoryMarshal.Cast<byte, short>(values).ToArray(), shape),
            IdxElement.Int32 => tensor(MemoryMarshal.Cast<byte, int>(values).ToArray(), shape),
            IdxElement.Float32 => tensor(MemoryMarshal.Cast<byte, float>(values).ToArray(), shape),
            _ => tensor(MemoryMarshal.Cast<byte, double>(values).ToArray(), shape),
        };
    }

    private static int SizeOf(IdxElement element) => element switch
    {
        IdxElement.Byte or IdxElement.SignedByte => 1,
        IdxElement.Int16 => 2,
        IdxElement.Int32 or IdxElement.Float32 => 4,
        _ => 8,
    };

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
            throw new InvalidDataException($"{name}: damaged gzip data near compressed offset {raw.Position}, {content.Length} bytes "
                + $"into the content: {e.Message}", e);
        }
        CheckGzipTail(raw.ToArray(), content, name);
        return content.ToArray();
    }

    // .NET's decompressor ends quietly where the stream was cut: the length and checksum in the last 8 bytes tell.
    private static void CheckGzipTail(byte[] raw, MemoryStream content, string name)
    {
        if (raw.Length < 18)
        {
            throw new InvalidDataException($"{name}: {raw.Length} bytes are too few for gzip data. The file is truncated.");
        }
        var length = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(raw.Length - 4));
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(raw.Length - 8));
        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        if (length != (uint)bytes.Length || checksum != Crc32.Of(bytes))
            throw new InvalidDataException($"{name}: gzip data ends at compressed offset {raw.Length} after {bytes.Length} bytes of "
                + $"content, but its checksum does not match. The file is truncated or damaged.");
    }
}
