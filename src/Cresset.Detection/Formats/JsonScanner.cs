using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;

namespace Cresset.Detection;

/// <summary>
/// Forward reader of UTF-8 JSON from a stream with a sliding window. It knows the numbers NaN, Infinity and -Infinity that Python writes,
/// keeps byte offsets for messages, and never holds more than the window plus one token.
/// </summary>
internal sealed partial class JsonScanner : IDisposable
{
    private const int MaxDepth = 200;
    private readonly Stream _stream;
    private readonly Stream _raw;
    private readonly long _rawLength;
    private readonly IProgress<double>? _progress;
    private byte[] _buffer;
    private byte[] _scratch = new byte[256];
    private int _position;
    private int _end;
    private long _consumed;
    private bool _atEnd;

    /// <param name="path">The file.</param>
    /// <param name="progress">Receives the share that is read.</param>
    /// <param name="start">Where to begin, in a file that is not compressed.</param>
    public JsonScanner(string path, IProgress<double>? progress, long start = 0)
    {
        Path = path;
        _raw = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        _rawLength = _raw.Length;
        _progress = progress;
        if (start > 0)
        {
            _raw.Position = _consumed = start;
            _stream = _raw;
            _buffer = new byte[1 << 18];
            return;
        }
        _stream = IsGzip(_raw) ? new GZipStream(_raw, CompressionMode.Decompress) : _raw;
        _buffer = new byte[1 << 18];
        SkipByteOrderMark();
    }

    public JsonScanner(string name, Stream stream)
    {
        Path = name;
        _raw = _stream = stream;
        _buffer = new byte[1 << 14];
        SkipByteOrderMark();
    }

    public string Path { get; }

    public long Offset => _consumed + _position;

    public void Dispose()
    {
        _stream.Dispose();
        _raw.Dispose();
    }

    /// <summary>The next byte that is not white space, not taken; 0 at the end of the file.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte Peek()
    {
        while (true)
        {
            if (_position == _end && !Fill()) return 0;
            var b = _buffer[_position];
            if (b > ' ') return b;
            if (b is not ((byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')) return b == 0 ? (byte)1 : b;
            _position++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(byte symbol)
    {
        if (Peek() != symbol) return false;
        _position++;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Expect(byte symbol)
    {
        if (!TryTake(symbol)) throw Unexpected($"'{(char)symbol}'");
    }

    /// <summary>Takes the text when it comes next, white space before it aside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTakeLiteral(ReadOnlySpan<byte> text)
    {
        Peek();
        if (!_buffer.AsSpan(_position, _end - _position).StartsWith(text)) return false;
        _position += text.Length;
        return true;
    }

    /// <summary>After an element: true when another follows, false when the container closes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool NextElement(byte close)
    {
        var b = Peek();
        if (b == ',')
        {
            _position++;
            return true;
        }
        if (b != close) throw Unexpected($"',' or '{(char)close}'");
        _position++;
        return false;
    }

    /// <summary>The text of a string without quotes; valid until the next call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ReadOnlySpan<byte> ReadString()
    {
        Expect((byte)'"');
        var scanned = 0;
        while (true)
        {
            var rest = _buffer.AsSpan(_position + scanned, _end - _position - scanned);
            var stop = rest.IndexOfAny((byte)'"', (byte)'\\');
            if (stop >= 0)
            {
                var length = scanned + stop;
                if (rest[stop] == '\\') return ReadEscaped(length);
                var text = _buffer.AsSpan(_position, length);
                if (text.IndexOfAnyInRange((byte)0, (byte)31) >= 0) throw Broken("a string holds a control character");
                _position += length + 1;
                return text;
            }
            scanned = _end - _position;
            if (!Fill()) throw Cut("the file ends inside a string");
        }
    }

    public string ReadText() => Encoding.UTF8.GetString(ReadString());

    /// <summary>A name of an object's member and the colon after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> ReadName()
    {
        var name = ReadString();
        // The first byte of the value is in the window too, so that looking at it cannot move the name.
        if (_position + 2 < _end && _buffer[_position] == ':' && (_buffer[_position + 1] > ' ' || _buffer[_position + 2] > ' '))
        {
            _position++;
            return name;
        }
        return ReadNameSlow(name);
    }

    /// <summary>Takes null when it is the next value.</summary>
    public bool TryNull()
    {
        if (Peek() != 'n') return false;
        SkipWord();
        return true;
    }

    public DetectionFormatException Unexpected(string wanted)
    {
        var b = Peek();
        if (b == 0) return Cut($"the file ends where {wanted} was expected");
        var hint = b == '/' ? "; JSON knows no comments" : b == '\'' ? "; JSON has double quotation marks" : "";
        return Broken($"expected {wanted}, found {Show(b)}{hint}");
    }

    /// <summary>The text is not JSON at this place.</summary>
    public DetectionFormatException Broken(string message) => Structure(message + "; the JSON is damaged.");

    /// <summary>The file ends too early.</summary>
    public DetectionFormatException Cut(string message) => Structure(message + "; the JSON is cut off.");

    /// <summary>The JSON is sound and is not what is needed here.</summary>
    public DetectionFormatException Structure(string message)
        => new(new DataProblem(DataProblemKind.Malformed, Path, Where, "", message, Offset));

    /// <summary>The record being read, for messages.</summary>
    public string Where => WhereIndex < 0 ? WhereList : string.Create(CultureInfo.InvariantCulture, $"{WhereList}[{WhereIndex}]");

    public string WhereList { get; set; } = "";

    public int WhereIndex { get; set; } = -1;

    private static string Show(byte b) => b is > 32 and < 127 ? $"'{(char)b}'"
        : string.Create(CultureInfo.InvariantCulture, $"byte 0x{b:X2}");

    private static bool IsGzip(Stream stream)
    {
        Span<byte> head = stackalloc byte[2];
        var read = stream.ReadAtLeast(head, 2, throwOnEndOfStream: false);
        stream.Position = 0;
        return read == 2 && head[0] == 0x1F && head[1] == 0x8B;
    }

    private void SkipByteOrderMark()
    {
        EnsureWindow(3);
        if (_end >= 3 && _buffer[0] == 0xEF && _buffer[1] == 0xBB && _buffer[2] == 0xBF) _position = 3;
        if (_end >= 2 && ((_buffer[0] == 0xFF && _buffer[1] == 0xFE) || (_buffer[0] == 0xFE && _buffer[1] == 0xFF)))
        {
            throw Structure("the file is UTF-16; save it as UTF-8.");
        }
    }

    private ReadOnlySpan<byte> ReadNameSlow(ReadOnlySpan<byte> name)
    {
        // Looking for the colon may move the window that the name lies in.
        if (_scratch.Length < name.Length) _scratch = new byte[name.Length * 2];
        name.CopyTo(_scratch);
        var length = name.Length;
        Expect((byte)':');
        Peek();
        return _scratch.AsSpan(0, length);
    }

    private ReadOnlySpan<byte> ReadEscaped(int start)
    {
        var scanned = start;
        while (true)
        {
            while (_position + scanned >= _end)
            {
                if (!Fill()) throw Cut("the file ends inside a string");
            }
            var b = _buffer[_position + scanned];
            if (b == '"') break;
            scanned += b == '\\' ? 2 : 1;
        }
        if (_buffer.AsSpan(_position, scanned).IndexOfAnyInRange((byte)0, (byte)31) >= 0)
        {
            throw Broken("a string holds a control character");
        }
        if (_scratch.Length < scanned) _scratch = new byte[scanned * 2];
        if (!JsonEscapes.TryDecode(_buffer.AsSpan(_position, scanned), _scratch, out var written))
        {
            throw Broken("a string holds a wrong escape");
        }
        _position += scanned + 1;
        return _scratch.AsSpan(0, written);
    }

    private void EnsureWindow(int bytes)
    {
        while (_end - _position < bytes && Fill())
        {
        }
    }

    private bool Fill()
    {
        if (_atEnd) return false;
        if (_position > 0)
        {
            Buffer.BlockCopy(_buffer, _position, _buffer, 0, _end - _position);
            _consumed += _position;
            _end -= _position;
            _position = 0;
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= 1 << 29) throw Structure("one value is longer than 512 MB.");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        int read;
        try
        {
            read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException e)
        {
            throw Structure($"the gzip stream is cut off or damaged ({e.Message})");
        }
        _progress?.Report(_rawLength == 0 ? 1 : (double)_raw.Position / _rawLength);
        if (read == 0)
        {
            _atEnd = true;
            return false;
        }
        _end += read;
        return true;
    }
}
