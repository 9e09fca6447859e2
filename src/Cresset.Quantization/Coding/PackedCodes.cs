using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Codes with what is needed to read them again: their shape, the codebooks' sizes and the tokenizer they belong to.</summary>
/// <remarks>
/// File layout, little endian: magic <c>CRESSETQ</c>, version (u16), flags (u16, bit 0: payload is range-coded; bit 1, version 2: codes are raised by one and 0 stands for none), tokenizer name
/// (u16 length and UTF-8), rank (u16) and sizes (i64 each) of the positions, stages (u16) and codebook sizes (i64 each), payload
/// length (i64), CRC-32C of the header so far (u32), payload, CRC-32C of the codes as int64 (u32).
/// The checksum is over the codes, so that it also notices a range-coded payload decoded with another prior.
/// </remarks>
public sealed class PackedCodes
{
    private static readonly byte[] Magic = "CRESSETQ"u8.ToArray();
    private const ushort Version = 2;
    private const ushort CodedFlag = 1;
    private const ushort NoneFlag = 2;

    /// <summary>Wraps codes.</summary>
    /// <param name="shape">Positions, such as [images, height, width].</param>
    /// <param name="codebookSizes">Size of each stage's codebook.</param>
    /// <param name="codes">Codes, positions in order, the stages of a position one after another; -1 for none (a masked position, a dropped stage).</param>
    /// <param name="tokenizer">Which model made them; free text.</param>
    /// <exception cref="ArgumentException">A code is out of range (position and value are named) or the count does not fit the shape.</exception>
    public PackedCodes(IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes, long[] codes, string tokenizer = "")
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(codebookSizes);
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (codebookSizes.Count == 0 || codebookSizes.Any(s => s < 1)) throw new ArgumentException("There must be at least one codebook, of at least one code.", nameof(codebookSizes));
        if (shape.Any(s => s < 0) || shape.Aggregate(1L, (a, b) => a * b) * codebookSizes.Count != codes.Length) throw new ArgumentException($"{codes.Length} codes; the shape [{string.Join(", ", shape)}] with {codebookSizes.Count} stages takes {shape.Aggregate(1L, (a, b) => a * b) * codebookSizes.Count}.", nameof(codes));
        for (var i = 0; i < codes.Length; i++)
        {
            var size = codebookSizes[i % codebookSizes.Count];
            if (codes[i] < -1 || codes[i] >= size) throw new ArgumentException($"Code {codes[i]} at position {i / codebookSizes.Count}, stage {i % codebookSizes.Count} is out of range; allowed: 0 to {size - 1}, or -1 for none.", nameof(codes));
        }
        (Shape, CodebookSizes, Codes, Tokenizer) = (shape, codebookSizes, codes, tokenizer);
    }

    /// <summary>Positions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Codes a stage.</summary>
    public IReadOnlyList<long> CodebookSizes { get; }

    /// <summary>The codes, stages innermost.</summary>
    public long[] Codes { get; }

    /// <summary>Which model made them.</summary>
    public string Tokenizer { get; }

    /// <summary>Bytes of the payload when written without a prior.</summary>
    public long PackedBytes => BitPacking.ByteCount(Codes.Length, Widths(CodebookSizes, HasNone));

    /// <summary>True when some position or stage has no code (-1).</summary>
    public bool HasNone => Codes.Contains(-1);

    /// <summary>Writes the file; it appears whole or not at all.</summary>
    /// <param name="path">Where.</param>
    /// <param name="coder">Codes the payload with a prior; null packs bits.</param>
    public void Write(string path, ICodeCoder? coder = null) => AtomicFile.Write(path, stream => Write(stream, coder));

    /// <summary>Writes to a stream.</summary>
    public void Write(Stream stream, ICodeCoder? coder = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var none = HasNone;
        if (none && coder is not null) throw new InvalidOperationException("A prior models codes, not their absence, and some codes are none (-1): write without a coder.");
        var payload = coder is not null ? coder.Encode(this) : BitPacking.Pack(none ? [.. Codes.Select(c => c + 1)] : Codes, Widths(CodebookSizes, none));
        using var memory = new MemoryStream();
        using (var writer = new BinaryWriter(memory, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            // A file that needs nothing of version 2 is one of version 1, which older builds read.
            writer.Write(none ? Version : (ushort)1);
            writer.Write((ushort)((coder is null ? 0 : CodedFlag) | (none ? NoneFlag : 0)));
            var name = Encoding.UTF8.GetBytes(Tokenizer);
            if (name.Length > ushort.MaxValue) throw new InvalidOperationException($"The tokenizer's name takes {name.Length} bytes; at most {ushort.MaxValue} fit.");
            writer.Write((ushort)name.Length);
            writer.Write(name);
            writer.Write((ushort)Shape.Count);
            foreach (var size in Shape) writer.Write(size);
            writer.Write((ushort)CodebookSizes.Count);
            foreach (var size in CodebookSizes) writer.Write(size);
            writer.Write((long)payload.Length);
        }
        var header = memory.ToArray();
        stream.Write(header);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(number, Checksum(header));
        stream.Write(number);
        stream.Write(payload);
        BinaryPrimitives.WriteUInt32LittleEndian(number, Checksum(Codes));
        stream.Write(number);
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="coder">The coder it was written with; needed when the payload is range-coded.</param>
    /// <exception cref="InvalidDataException">Not such a file, cut short, damaged, or coded with another prior; the message gives path and offset.</exception>
    public static PackedCodes Read(string path, ICodeCoder? coder = null)
    {
        var bytes = File.ReadAllBytes(path);
        return Parse(bytes, path, coder);
    }

    internal static PackedCodes Parse(byte[] bytes, string path, ICodeCoder? coder)
    {
        var reader = new Cursor(bytes, path);
        if (!reader.Bytes(8).SequenceEqual(Magic)) throw new InvalidDataException($"{path}: not a file of packed codes (offset 0 does not hold \"CRESSETQ\").");
        var version = reader.UInt16();
        if (version is 0 or > Version) throw new InvalidDataException($"{path}: version {version} at offset 8; this build reads versions 1 to {Version}.");
        var flags = reader.UInt16();
        if ((flags & ~(version == 1 ? CodedFlag : CodedFlag | NoneFlag)) != 0 || flags == (CodedFlag | NoneFlag)) throw new InvalidDataException($"{path}: unknown flags {flags} at offset 10 in a file of version {version}.");
        bool coded = (flags & CodedFlag) != 0, none = (flags & NoneFlag) != 0;
        var name = Encoding.UTF8.GetString(reader.Bytes(reader.UInt16()));
        var shape = reader.Sizes("shape");
        var sizes = reader.Sizes("codebook sizes");
        var at = reader.Offset;
        var length = reader.Int64();
        var headerEnd = reader.Offset;
        if (reader.UInt32() != Checksum(bytes.AsSpan(0, headerEnd))) throw new InvalidDataException($"{path}: the header is damaged (checksum at offset {headerEnd} does not match).");
        if (length < 0 || length != bytes.Length - reader.Offset - 4) throw new InvalidDataException($"{path}: the payload should take {length} bytes (offset {at}), but {bytes.Length - reader.Offset - 4} follow: the file is cut short or has grown.");
        var count = (long)sizes.Length;
        foreach (var size in shape) count *= size;
        var payload = reader.Bytes((int)length);
        long[] codes;
        if (coded)
        {
            if (coder is null) throw new InvalidDataException($"{path}: the payload is range-coded by a prior: give the prior it was written with (cresset vq decode: --prior RUN).");
            codes = coder.Decode(payload, shape, sizes);
        }
        else
        {
            if (length != BitPacking.ByteCount(count, Widths(sizes, none))) throw new InvalidDataException($"{path}: {count} codes take {BitPacking.ByteCount(count, Widths(sizes, none))} bytes, the payload at offset {headerEnd + 4} has {length}.");
            codes = BitPacking.Unpack(payload, Widths(sizes, none), count);
            if (none)
            {
                for (var i = 0; i < codes.Length; i++) codes[i]--;
            }
        }
        var sumAt = reader.Offset;
        if (reader.UInt32() != Checksum(codes)) throw new InvalidDataException($"{path}: the codes do not match their checksum (offset {sumAt}): the payload is damaged" + (coded ? ", or the prior is not the one it was written with, or its probabilities differ here in their last bits: read it with ONEDNN_MAX_CPU_ISA=DEFAULT set, or on the processor that wrote it." : "."));
        return new PackedCodes(shape, sizes, codes, name);
    }

    private static int[] Widths(IReadOnlyList<long> sizes, bool none) => [.. sizes.Select(s => BitPacking.BitsFor(none ? s + 1 : s))];

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private static uint Checksum(long[] codes)
    {
        var crc = uint.MaxValue;
        foreach (var value in codes) crc = BitOperations.Crc32C(crc, (ulong)value);
        return ~crc;
    }

    private sealed class Cursor(byte[] bytes, string path)
    {
        public int Offset { get; private set; }

        public ReadOnlySpan<byte> Bytes(int count)
        {
            if (bytes.Length - Offset < count) throw new InvalidDataException($"{path}: the file ends at {bytes.Length}; {count} bytes were expected at offset {Offset}.");
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
            if (sizes.Any(s => s < 0) || (what == "shape" && total > int.MaxValue) || (what != "shape" && (sizes.Length == 0 || sizes.Any(s => s < 1)))) throw new InvalidDataException($"{path}: impossible {what} [{string.Join(", ", sizes)}] at offset {at}.");
            return sizes;
        }
    }
}
