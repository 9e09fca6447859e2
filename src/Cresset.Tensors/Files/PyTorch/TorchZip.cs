using System.Buffers.Binary;
using System.IO.Hashing;

namespace Cresset.Tensors;

/// <summary>One record of a zip archive: where its bytes lie, compressed or as they are.</summary>
internal sealed record ZipRecord(string Name, long Offset, long Length, uint Checksum, bool IsCompressed = false);

/// <summary>
/// The directory of a zip archive as torch.save writes it: the records of tensors are stored without compression, so that they can be
/// mapped. Nothing is unpacked to disk; names serve as keys only.
/// </summary>
internal static class TorchZip
{
    private const uint EndMark = 0x06054b50, End64Mark = 0x06064b50, Locator64Mark = 0x07064b50, EntryMark = 0x02014b50,
        LocalMark = 0x04034b50;
    private const int EndLength = 22, EntryLength = 46, LocalLength = 30;
    private const int MaxRecords = 1_000_000;

    /// <summary>All records by name.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged, compressed, encrypted, or its records overlap or have names that lead
    /// elsewhere.</exception>
    public static Dictionary<string, ZipRecord> Read(TensorFileData data)
    {
        var (start, length, count) = FindDirectory(data);
        if (count > MaxRecords || count * EntryLength > length)
            throw Fault(data, $"the directory announces {count} records in {length} bytes");
        if (length > 1 << 28) throw Fault(data, $"the directory is {length} bytes long");
        var directory = new byte[length];
        data.Fill(directory, start);
        var records = new Dictionary<string, ZipRecord>();
        var at = 0;
        for (long i = 0; i < count; i++) at = ReadEntry(data, directory, at, start, records);
        RefuseOverlaps(data, records.Values, start);
        return records;
    }

    /// <summary>A record whose bytes are used as they are.</summary>
    public static ZipRecord Plain(TensorFileData data, ZipRecord record) => record.IsCompressed
        ? throw new NotSupportedException(
            $"{data.Path}: '{PickleText.Short(record.Name)}' is compressed, which torch.save never does; unpack the archive and pack it "
                + $"without compression ('zip -0 -r').")
        : record;

    /// <summary>The CRC-32 of a record as it is in the file.</summary>
    public static uint Checksum(TensorFileData data, ZipRecord record)
    {
        var crc = new Crc32();
        var buffer = new byte[Math.Min(record.Length, 1 << 20)];
        for (long at = 0; at < record.Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, record.Length - at));
            data.Fill(part, record.Offset + at);
            crc.Append(part);
        }
        return crc.GetCurrentHashAsUInt32();
    }

    private static (long Start, long Length, long Count) FindDirectory(TensorFileData data)
    {
        var tail = new byte[Math.Min(data.Length, EndLength + ushort.MaxValue)];
        data.Fill(tail, data.Length - tail.Length);
        for (var at = tail.Length - EndLength; at >= 0; at--)
        {
            var end = tail.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != EndMark) continue;
            if (at + EndLength + BinaryPrimitives.ReadUInt16LittleEndian(end[20..]) > tail.Length) continue;
            var position = data.Length - tail.Length + at;
            long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]), length = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]),
                start = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
            if (count == ushort.MaxValue || length == uint.MaxValue || start == uint.MaxValue)
                (start, length, count, position) = FindDirectory64(data, position) ?? (start, length, count, position);
            return start >= 0 && length >= 0 && count >= 0 && start <= position - length ? (start, length, count)
                : throw Fault(data, $"the directory lies at {start} to {start + length}, behind its own end at {position}");
        }
        throw Fault(data, "the directory at the end is missing; the file was cut");
    }

    private static (long Start, long Length, long Count, long Position)? FindDirectory64(TensorFileData data, long end)
    {
        Span<byte> locator = stackalloc byte[20];
        if (end < locator.Length) return null;
        data.Fill(locator, end - locator.Length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(locator) != Locator64Mark) return null;
        var position = BinaryPrimitives.ReadInt64LittleEndian(locator[8..]);
        Span<byte> record = stackalloc byte[56];
        if (position < 0 || position > end - record.Length) throw Fault(data, $"the 64-bit directory end is announced at {position}");
        data.Fill(record, position);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != End64Mark)
            throw Fault(data, $"there is no 64-bit directory end at {position}");
        return (BinaryPrimitives.ReadInt64LittleEndian(record[48..]), BinaryPrimitives.ReadInt64LittleEndian(record[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(record[32..]), position);
    }

    private static int ReadEntry(TensorFileData data, byte[] directory, int at, long start, Dictionary<string, ZipRecord> records)
    {
        if (at > directory.Length - EntryLength || BinaryPrimitives.ReadUInt32LittleEndian(directory.AsSpan(at)) != EntryMark)
            throw Fault(data, $"the directory is damaged at {start + at}");
        var entry = directory.AsSpan(at);
        int flags = BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]), method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[28..]),
            extraLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[30..]),
            commentLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]);
        long packed = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]), length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]),
            local = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        var next = at + EntryLength + nameLength + extraLength + commentLength;
        if (next > directory.Length) throw Fault(data, $"the directory is damaged at {start + at}");
        var nameBytes = entry.Slice(EntryLength, nameLength);
        var name = PickleInput.Text(nameBytes.ToArray());
        Read64(data, entry.Slice(EntryLength + nameLength, extraLength), ref length, ref packed, ref local);
        if (name.Length == 0 || name[0] == '/' || name.Contains('\\', StringComparison.Ordinal)
            || name.Contains('\0', StringComparison.Ordinal) || name.Split('/').Contains(".."))
            throw Fault(data, $"a record is named '{PickleText.Short(name)}', which leads out of the archive");
        // A folder's own record holds nothing.
        if (name[^1] == '/' && length == 0) return next;
        if ((flags & 1) != 0) throw Fault(data, $"'{PickleText.Short(name)}' is encrypted");
        var compressed = method != 0;
        if (!compressed && packed != length)
            throw Fault(data, $"'{PickleText.Short(name)}' is stored as it is, with {packed} bytes for {length}");
        if (!records.TryAdd(name,
            new ZipRecord(name, DataOffset(data, local, nameBytes, name, start), packed,
                BinaryPrimitives.ReadUInt32LittleEndian(entry[16..]), compressed)))
            throw Fault(data, $"'{PickleText.Short(name)}' is there twice");
        if (records[name].Offset > start - packed)
            throw Fault(data, $"'{PickleText.Short(name)}' ends behind the directory's start at {start}");
        return next;
    }

    // The 64-bit sizes come in this order, each only where the 32-bit field is all ones.
    private static void Read64(TensorFileData data, ReadOnlySpan<byte> extra, ref long length, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int kind = BinaryPrimitives.ReadUInt16LittleEndian(extra), size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4) return;
            if (kind == 1)
            {
                var fields = extra.Slice(4, size);
                Take(ref fields, ref length);
                Take(ref fields, ref packed);
                Take(ref fields, ref local);
                if (length < 0 || packed < 0 || local < 0) throw Fault(data, "a record has a negative size or offset");
            }
            extra = extra[(4 + size)..];
        }

        static void Take(ref ReadOnlySpan<byte> fields, ref long value)
        {
            if (value != uint.MaxValue || fields.Length < 8) return;
            value = BinaryPrimitives.ReadInt64LittleEndian(fields);
            fields = fields[8..];
        }
    }

    private static long DataOffset(TensorFileData data, long local, ReadOnlySpan<byte> nameBytes, string name, long directory)
    {
        Span<byte> header = stackalloc byte[LocalLength];
        if (local > directory - LocalLength)
            throw Fault(data, $"'{PickleText.Short(name)}' is announced at {local}, behind the directory's start at {directory}");
        data.Fill(header, local);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != LocalMark)
            throw Fault(data, $"there is no record at {local} for '{PickleText.Short(name)}'");
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header[26..]),
            extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        var ownName = new byte[nameLength];
        data.Fill(ownName, local + LocalLength);
        if (!nameBytes.SequenceEqual(ownName))
            throw Fault(data,
                $"the record at {local} calls itself '{PickleText.Short(PickleInput.Text(ownName))}', the directory "
                    + $"'{PickleText.Short(name)}'");
        return local + LocalLength + nameLength + extraLength;
    }

    private static void RefuseOverlaps(TensorFileData data, IEnumerable<ZipRecord> records, long directory)
    {
        ZipRecord? before = null;
        foreach (var record in records.Where(r => r.Length > 0).OrderBy(r => r.Offset))
        {
            if (before is not null && record.Offset < before.Offset + before.Length)
                throw Fault(data, $"the records '{PickleText.Short(before.Name)}' and '{PickleText.Short(record.Name)}' overlap");
            before = record;
        }
        if (before is not null && before.Offset + before.Length > directory)
            throw Fault(data, $"'{PickleText.Short(before.Name)}' overlaps the directory");
    }

    private static InvalidDataException Fault(TensorFileData data, string what) =>
        new($"{data.Path}: {what} (zip archive of {data.Length} bytes).");
}
