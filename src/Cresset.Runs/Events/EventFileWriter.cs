using System.Buffers.Binary;
using System.Text;

namespace Cresset.Runs;

/// <summary>
/// Writes a TensorBoard event file: TFRecord frames around hand-coded protocol buffers, buffered until
/// <see cref="Flush"/> (or 256 KiB). Not for use by several threads at once.
/// </summary>
public sealed class EventFileWriter : IDisposable
{
    /// <summary>Fields of a value that are ours alone: the number as float64, and a picture's words.</summary>
    internal const int ExactField = 1000, CaptionField = 1001;
    private const int FlushAt = 1 << 18;
    private readonly Dictionary<string, byte[]> _tags = [];
    private readonly ProtoWriter _buffer = new();
    private readonly ProtoWriter _event = new();
    private readonly ProtoWriter _value = new();
    private readonly FileStream _stream;
    private long _written;
    private bool _disposed;

    /// <summary>
    /// Makes a new file <c>events.out.tfevents.&lt;seconds&gt;.&lt;host&gt;.&lt;process&gt;.&lt;number&gt;</c> in a folder and writes the
    /// version record.
    /// </summary>
    /// <exception cref="IOException">The folder is not writable or the disk is full.</exception>
    public EventFileWriter(string folder)
    {
        Directory.CreateDirectory(folder);
        var now = DateTime.UtcNow;
        // Readers take sessions in the order of their names: a clock that was set back, or two sessions in one second, must not change it.
        var seconds = Math.Max(new DateTimeOffset(now).ToUnixTimeSeconds(), Newest(folder) + 1);
        // The number keeps two files of one process and one second apart.
        for (var number = 0; ; number++)
        {
            Path = System.IO.Path.Combine(folder,
                $"events.out.tfevents.{seconds}.{Environment.MachineName}.{Environment.ProcessId}.{number}");
            if (!File.Exists(Path)) break;
        }
        _stream = new FileStream(Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete, 0);
        Begin(Microseconds(now), 0);
        _event.Text(3, "brain.Event:2");
        End();
        Flush();
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>A scalar; stored as float32, as the format wants it.</summary>
    /// <param name="tag">Name of the series.</param>
    /// <param name="step">Step.</param>
    /// <param name="wallTime">Microseconds since 1970-01-01 UTC.</param>
    /// <param name="value">Any value, NaN and infinities included.</param>
    public void Scalar(string tag, long step, long wallTime, double value)
    {
        Begin(wallTime, step);
        _value.Clear();
        _value.Bytes(1, TagBytes(tag));
        _value.Float(2, (float)value);
        // What float32 cannot hold stands beside it in a field that other readers pass over, so that a run can be made anew from its
        // folder.
        if ((float)value != value && !double.IsNaN(value)) _value.Double(ExactField, value);
        EndValue();
    }

    /// <summary>A PNG picture of <paramref name="width"/> x <paramref name="height"/> pixels.</summary>
    public void Image(string tag, long step, long wallTime, ReadOnlySpan<byte> png, int width, int height, string caption = "")
    {
        var image = new ProtoWriter();
        image.Integer(1, height);
        image.Integer(2, width);
        image.Integer(3, 3);
        image.Bytes(4, png);
        if (!string.IsNullOrEmpty(caption)) image.Text(CaptionField, caption);
        Value(tag, step, wallTime, 4, image);
    }

    /// <summary>A distribution.</summary>
    public void Histogram(string tag, long step, long wallTime, HistogramSummary histogram)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        var message = new ProtoWriter();
        histogram.Write(message);
        Value(tag, step, wallTime, 5, message);
    }

    /// <summary>A text (Markdown in TensorBoard).</summary>
    public void Text(string tag, long step, long wallTime, string text)
    {
        const int stringType = 7;
        Begin(wallTime, step);
        _value.Clear();
        _value.Bytes(1, TagBytes(tag));
        _value.Message(8, tensor =>
        {
            tensor.Integer(1, stringType);
            tensor.Message(2, shape => shape.Message(2, dimension => dimension.Integer(1, 1)));
            tensor.Text(8, text);
        });
        _value.Message(9, metadata => metadata.Message(1, plugin => plugin.Text(1, "text")));
        EndValue();
    }

    /// <summary>
    /// Tells readers that the run continues at <paramref name="step"/>: TensorBoard forgets what earlier files hold from there on.
    /// </summary>
    public void Restart(long step, long wallTime)
    {
        Begin(wallTime, step);
        _event.Message(7, session => session.Integer(1, 1));
        End();
    }

    /// <summary>Hands the buffered records to the operating system, as whole records.</summary>
    /// <exception cref="IOException">Disk full, …; the file then still ends with a whole record and the buffer is kept.</exception>
    public void Flush()
    {
        try
        {
            _stream.Write(_buffer.Written);
        }
        catch (IOException)
        {
            _stream.SetLength(_written);
            _stream.Position = _written;
            throw;
        }
        _written += _buffer.Length;
        _buffer.Clear();
    }

    /// <summary>Flushes and closes the file.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            Flush();
        }
        finally
        {
            _stream.Dispose();
        }
    }

    /// <summary>Leave it to the owner to call <see cref="Flush"/>, however much is buffered.</summary>
    internal bool OwnerFlushes { get; init; }

    internal static long Microseconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static long Newest(string folder)
    {
        const string prefix = "events.out.tfevents.";
        var newest = long.MinValue / 2;
        foreach (var file in Directory.EnumerateFiles(folder, prefix + "*"))
        {
            if (long.TryParse(System.IO.Path.GetFileName(file)[prefix.Length..].Split('.')[0],
                System.Globalization.CultureInfo.InvariantCulture, out var found)) newest = Math.Max(newest, found);
        }
        return newest;
    }

    private void Value(string tag, long step, long wallTime, int field, ProtoWriter message)
    {
        Begin(wallTime, step);
        _value.Clear();
        _value.Bytes(1, TagBytes(tag));
        _value.Bytes(field, message.Written);
        EndValue();
    }

    private void Begin(long wallTime, long step)
    {
        _event.Clear();
        _event.Double(1, wallTime / 1e6);
        if (step != 0) _event.Integer(2, step);
    }

    private void EndValue()
    {
        // Event.summary (5) holds Summary.value (1): two nested lengths.
        _event.Varint((5 << 3) | 2);
        _event.Varint((ulong)(1 + VarintLength((ulong)_value.Length) + _value.Length));
        _event.Bytes(1, _value.Written);
        End();
    }

    private void End()
    {
        var data = _event.Written;
        var frame = _buffer.Reserve(12);
        BinaryPrimitives.WriteUInt64LittleEndian(frame, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[8..], Crc32C.Masked(frame[..8]));
        data.CopyTo(_buffer.Reserve(data.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.Reserve(4), Crc32C.Masked(data));
        if (_buffer.Length >= FlushAt && !OwnerFlushes) Flush();
    }

    private byte[] TagBytes(string tag)
    {
        if (!_tags.TryGetValue(tag, out var bytes)) _tags[tag] = bytes = Encoding.UTF8.GetBytes(tag);
        return bytes;
    }

    private static int VarintLength(ulong value)
    {
        var length = 1;
        for (; value >= 0x80; value >>= 7) length++;
        return length;
    }
}
