using System.Buffers.Binary;
using System.Text;

namespace Cresset.Quantization;

/// <summary>
/// The layout of files of version 3, little endian: magic <c>CRESSETQ</c>, version (u16), 0 (u16); frames, each a payload and the CRC-32C
/// of its codes as int64 (u32);
/// the index; its length (u32), the CRC-32C of magic, version and index (u32), magic <c>CODE</c>.
/// The index holds numbers as LEB128 and texts as length and UTF-8: tokenizer, fingerprint of the coder's model (length 0 or 16), stages
/// and codebook sizes, entries (name, shape, attributes), frames (maps, payload length, kind: bit 0 coded, bit 1 some codes are none).
/// </summary>
/// <remarks>
/// Frames come first so that pictures can be written as they are encoded; entries and frames follow the same order of maps.
/// </remarks>
internal static class CodeFileLayout
{
    public const ushort Version = 3;
    public const int HeadBytes = 12;
    public const int TailBytes = 12;

    // A coded payload is filled up to this rate, so that a reader can refuse a header that claims more before it takes memory for it.
    public const long MostCodesPerByte = 64;

    // Large enough that a frame's checksum and place in the index weigh little, small enough to read one picture without the rest.
    public const long CodesPerFrame = 1 << 13;

    public static readonly byte[] Magic = "CRESSETQ"u8.ToArray();
    public static readonly byte[] EndMagic = "CODE"u8.ToArray();

    public static byte[] Head
    {
        get
        {
            var head = new byte[HeadBytes];
            Magic.CopyTo(head, 0);
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(8), Version);
            return head;
        }
    }

    public static int[] Widths(IReadOnlyList<long> sizes, bool none) => [.. sizes.Select(s => BitPacking.BitsFor(none ? s + 1 : s))];
}

/// <summary>A frame's place in the file.</summary>
internal sealed record StoredFrame(CodeFrame Frame, bool Coded, long Offset, int Length);

/// <summary>Writes an index.</summary>
internal sealed class IndexWriter
{
    private readonly List<byte> _bytes = [];

    public void Number(long value)
    {
        var rest = (ulong)value;
        while (rest >= 0x80)
        {
            _bytes.Add((byte)(rest | 0x80));
            rest >>= 7;
        }
        _bytes.Add((byte)rest);
    }

    public void Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Number(value.Length);
        _bytes.AddRange(value);
    }

    public byte[] ToArray() => [.. _bytes];
}

/// <summary>Reads an index; whatever does not fit is an <see cref="InvalidDataException"/> with path and offset.</summary>
internal sealed class IndexReader(byte[] bytes, string path, long start)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private int _at;

    public long Offset => start + _at;

    public bool AtEnd => _at == bytes.Length;

    public long Number(string what)
    {
        var at = _at;
        var value = 0UL;
        for (var shift = 0; shift < 63; shift += 7)
        {
            if (_at == bytes.Length) break;
            var part = bytes[_at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return (long)value;
        }
        throw new InvalidDataException($"{path}: {what} at offset {start + at} is not a number of the index.");
    }

    /// <summary>
    /// How many things follow, each of at least <paramref name="bytesEach"/> bytes: more than the index has room for is refused before
    /// memory is taken.
    /// </summary>
    public int Count(string what, int bytesEach)
    {
        var at = Offset;
        var count = Number(what);
        if (count > (bytes.Length - _at) / bytesEach)
            throw new InvalidDataException(
                $"{path}: {count} {what} at offset {at} cannot fit into the {bytes.Length - _at} bytes left of the index.");
        return (int)count;
    }

    public byte[] Bytes(string what)
    {
        var length = Count(what, 1);
        var part = bytes.AsSpan(_at, length).ToArray();
        _at += length;
        return part;
    }

    public string Text(string what)
    {
        var at = Offset;
        try
        {
            return Strict.GetString(Bytes(what));
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException($"{path}: {what} at offset {at} is not UTF-8.");
        }
    }
}
