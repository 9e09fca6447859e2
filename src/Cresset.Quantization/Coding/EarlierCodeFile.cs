using System.Buffers.Binary;
using System.Text;

namespace Cresset.Quantization;

/// <summary>Reads files of versions 1 and 2.</summary>
/// <remarks>
/// Layout, little endian: magic <c>CRESSETQ</c>, version (u16), flags (u16, bit 0: payload is range-coded; bit 1, version 2: codes are
/// raised by one and 0 stands for none), tokenizer name (u16 length and UTF-8), rank (u16) and sizes (i64 each) of the positions, stages
/// (u16) and codebook sizes (i64 each), payload length (i64), CRC-32C of the header so far (u32), payload, CRC-32C of the codes as int64
/// (u32).
/// </remarks>
internal static class EarlierCodeFile
{
    private static readonly byte[] Magic = CodeFileLayout.Magic;
    private const ushort Version = 2;
    private const ushort CodedFlag = 1;
    private const ushort NoneFlag = 2;

    /// <summary>Whether the stream begins like one.</summary>
    public static bool Is(Stream stream)
    {
        var head = new byte[10];
        stream.Position = 0;
        return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length
            && head.AsSpan(0, 8).SequenceEqual(Magic) && BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(8)) is 1 or 2;
    }

    /// <summary>Reads a file of version 1 or 2.</summary>
    public static PackedCodes Read(Stream stream, string path, ICodeCoder? coder)
    {
        var bytes = new byte[stream.Length];
        stream.Position = 0;
        stream.ReadExactly(bytes);
        var reader = new Cursor(bytes, path);
        if (!reader.Bytes(8).SequenceEqual(Magic))
            throw new InvalidDataException($"{path}: not a file of packed codes (offset 0 does not hold \"CRESSETQ\").");
        var version = reader.UInt16();
        if (version is 0 or > Version)
            throw new InvalidDataException(
                $"{path}: version {version} at offset 8; this build reads versions 1 to {CodeFileLayout.Version}.");
        var flags = reader.UInt16();
        if ((flags & ~(version == 1 ? CodedFlag : CodedFlag | NoneFlag)) != 0 || flags == (CodedFlag | NoneFlag))
            throw new InvalidDataException($"{path}: unknown flags {flags} at offset 10 in a file of version {version}.");
        bool coded = (flags & CodedFlag) != 0, none = (flags & NoneFlag) != 0;
        var name = Encoding.UTF8.GetString(reader.Bytes(reader.UInt16()));
        var shape = reader.Sizes("shape");
        var sizes = reader.Sizes("codebook sizes");
        var at = reader.Offset;
        var length = reader.Int64();
        var headerEnd = reader.Offset;
        if (reader.UInt32() != CodeChecksum.Of(bytes.AsSpan(0, headerEnd)))
            throw new InvalidDataException($"{path}: the header is damaged (checksum at offset {headerEnd} does not match).");
        if (length < 0 || length != bytes.Length - reader.Offset - 4)
            throw new InvalidDataException(
                $"{path}: the payload should take {length} bytes (offset {at}), but {bytes.Length - reader.Offset - 4} follow: the file is "
                    + $"cut short or has grown.");
        var count = (long)sizes.Length;
        foreach (var size in shape) count *= size;
        var payload = reader.Bytes((int)length);
        long[] codes;
        if (coded)
        {
            if (coder is null)
                throw new InvalidDataException(
                    $"{path}: the payload is range-coded by a prior: give the prior it was written with (cresset vq decode: --prior RUN).");
            if (coder is not PriorCoder prior)
                throw new InvalidDataException(
                    $"{path}: a file of version {version} was coded with a PriorCoder; the coder given is a {coder.GetType().Name}.");
            try
            {
                codes = EarlierPriorCoder.Decode(prior, payload, shape, sizes);
            }
            catch (Exception failure) when (failure is ArgumentException or OverflowException)
            {
                throw new InvalidDataException($"{path}: {failure.Message}", failure);
            }
        }
        else
        {
            if (length != BitPacking.ByteCount(count, CodeFileLayout.Widths(sizes, none)))
                throw new InvalidDataException(
                    $"{path}: {count} codes take {BitPacking.ByteCount(count, CodeFileLayout.Widths(sizes, none))} bytes, the payload at "
                        + $"offset {headerEnd + 4} has {length}.");
            codes = BitPacking.Unpack(payload, CodeFileLayout.Widths(sizes, none), count);
            if (none)
            {
                for (var i = 0; i < codes.Length; i++) codes[i]--;
            }
        }
        var sumAt = reader.Offset;
        if (reader.UInt32() != CodeChecksum.Of(codes))
            throw new InvalidDataException($"{path}: the codes do not match their checksum (offset {sumAt}): the payload is damaged"
                + (coded
                    ? ", the prior is not the one it was written with, or libtorch sums in another order here than where it was written. "
                        + "Read it on the machine that wrote it, or one of the same processor, with ONEDNN_MAX_CPU_ISA=DEFAULT (then AVX2, "
                        + "SSE41) in the environment, and encode the pictures again: files of version 3 are the same everywhere." : "."));
        try
        {
            return new PackedCodes(shape, sizes, codes, name);
        }
        catch (ArgumentException failure)
        {
            throw new InvalidDataException($"{path}: {failure.Message}", failure);
        }
    }

    private sealed class Cursor(byte[] bytes, string path)
    {
        public int Offset { get; private set; }

        public ReadOnlySpan<byte> Bytes(int count)
        {
            if (bytes.Length - Offset < count)
                throw new InvalidDataException($"{path}: the file ends at {bytes.Length}; {count} bytes were expected at offset {Offset}.");
            var part = bytes.AsSpan(Offset, count);
            Offset += count;
            return part;
        }

        public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

        public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

        public long[] Sizes(string what)
        {
            var at = Offset;
            var sizes = new long[UInt16()];
            for (var i = 0; i < sizes.Length; i++) sizes[i] = Int64();
            var total = 1.0;
            foreach (var size in sizes) total *= size;
            if (sizes.Any(s => s < 0) || (what == "shape" && total > int.MaxValue)
                || (what != "shape" && (sizes.Length == 0 || sizes.Any(s => s is < 1 or > 1L << 62))))
                throw new InvalidDataException($"{path}: impossible {what} [{string.Join(", ", sizes)}] at offset {at}.");
            return sizes;
        }
    }
}
