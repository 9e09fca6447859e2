using System.Text;

namespace Cresset.Tensors;

/// <summary>The bytes of a pickle, read forward from a part of a file.</summary>
internal sealed class PickleInput(TensorFileData data, long start, long end)
{
    // No text, number or byte string of a checkpoint comes near; what claims more is damage or an attack.
    private const long MaxItem = 1 << 28;
    private readonly byte[] _buffer = new byte[(int)Math.Clamp(end - start, 1, 1 << 16)];
    private long _bufferStart = start;
    private int _filled, _at;

    /// <summary>The offset in the file of the next byte.</summary>
    public long Position => _bufferStart + _at;

    public string Path => data.Path;

    public long Remaining => end - Position;

    public byte Byte()
    {
        if (_at == _filled) Refill();
        return _buffer[_at++];
    }

    public void Fill(Span<byte> target)
    {
        if (target.Length > Remaining) throw Fault($"{target.Length} bytes are announced and {Remaining} are left");
        while (target.Length > 0)
        {
            if (_at == _filled) Refill();
            var count = Math.Min(target.Length, _filled - _at);
            _buffer.AsSpan(_at, count).CopyTo(target);
            _at += count;
            target = target[count..];
        }
    }

    public byte[] Bytes(ulong length)
    {
        if (length > (ulong)Remaining) throw Fault($"{length} bytes are announced and {Remaining} are left");
        if (length > MaxItem) throw Fault($"one item of {length} bytes is above the allowed {MaxItem}");
        var bytes = new byte[length];
        Fill(bytes);
        return bytes;
    }

    /// <summary>Bytes up to a line feed, which is dropped.</summary>
    public byte[] Line()
    {
        var line = new List<byte>();
        for (var next = Byte(); next != '\n'; next = Byte())
        {
            if (line.Count == 1 << 16) throw Fault("a line has more than 65,536 bytes");
            line.Add(next);
        }
        return [.. line];
    }

    /// <summary>UTF-8 where it is valid, else one character a byte, as Python 2 wrote its texts.</summary>
    public static string Text(byte[] bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    public InvalidDataException Fault(string what) => new($"{Path}: {what} (pickle, file offset {Position}).");

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private void Refill()
    {
        var start = Position;
        if (start >= end) throw new InvalidDataException($"{Path}: the pickle ends at file offset {end} without its STOP; it was cut.");
        _filled = (int)Math.Min(_buffer.Length, end - start);
        _at = 0;
        _bufferStart = start;
        data.Fill(_buffer.AsSpan(0, _filled), start);
    }
}
