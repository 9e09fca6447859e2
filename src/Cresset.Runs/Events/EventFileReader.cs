using System.Buffers.Binary;

namespace Cresset.Runs;

/// <summary>
/// Reads a TensorBoard event file, also one that is still written: <see cref="ReadAvailable"/> returns the whole records that have come
/// since the last call. A record with a bad checksum is reported in <see cref="Damage"/> and skipped; when a record's length is damaged the
/// rest of the file cannot be found any more and reading ends.
/// </summary>
public sealed class EventFileReader : IDisposable
{
    private readonly List<EventFileDamage> _damage = [];
    private readonly FileStream _stream;
    private readonly string _path;
    private readonly byte[] _head = new byte[12];
    private byte[] _record = new byte[1024];
    private bool _lost;

    /// <summary>Opens a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public EventFileReader(string path)
    {
        _path = path;
        _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
    }

    /// <summary>Byte behind the last whole record.</summary>
    public long Position { get; private set; }

    /// <summary>Number of whole records read, damaged ones included.</summary>
    public long RecordCount { get; private set; }

    /// <summary>Bytes behind the last whole record: the part of a record that is still being written, or was never finished.</summary>
    public long PendingBytes => _stream.Length - Position;

    /// <summary>What was found damaged so far.</summary>
    public IReadOnlyList<EventFileDamage> Damage => _damage;

    /// <summary>The events of all whole records that were not returned yet.</summary>
    public IEnumerable<LoggedEvent> ReadAvailable()
    {
        while (Next() is { } length)
        {
            var offset = Position;
            var number = RecordCount++;
            Position += 12 + length + 4;
            var data = _record.AsMemory(0, (int)length);
            if (BinaryPrimitives.ReadUInt32LittleEndian(_record.AsSpan((int)length)) != Crc32C.Masked(data.Span))
            {
                _damage.Add(new(_path, offset, number, "the checksum of its content is wrong; the record is skipped."));
                continue;
            }
            LoggedEvent? read = null;
            try
            {
                read = EventDecoder.Event(data.Span);
            }
            catch (InvalidDataException e)
            {
                _damage.Add(new(_path, offset, number, e.Message));
            }
            if (read is not null) yield return read;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    private long? Next()
    {
        if (_lost) return null;
        _stream.Position = Position;
        if (_stream.ReadAtLeast(_head, 12, throwOnEndOfStream: false) < 12) return null;
        var length = BinaryPrimitives.ReadUInt64LittleEndian(_head);
        if (BinaryPrimitives.ReadUInt32LittleEndian(_head.AsSpan(8)) != Crc32C.Masked(_head.AsSpan(0, 8)))
        {
            _damage.Add(new(_path, Position, RecordCount, "the checksum of its length is wrong; the rest of the file is lost."));
            _lost = true;
            return null;
        }
        // Never reserve what a length claims before the file is known to hold it.
        if (length > int.MaxValue - 4 || (ulong)(_stream.Length - Position) < length + 16) return null;
        var whole = (int)length + 4;
        if (_record.Length < whole) _record = new byte[Math.Max(whole, Math.Min(_record.Length * 2, 1 << 24))];
        return _stream.ReadAtLeast(_record.AsSpan(0, whole), whole, throwOnEndOfStream: false) == whole ? (long)length : null;
    }
}
