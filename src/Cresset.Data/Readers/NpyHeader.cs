using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>The head of a NumPy array: element type, order and shape, checked against the bytes that follow.</summary>
internal sealed record NpyHeader(string Descr, char Order, char Kind, int ItemSize, bool IsFortran, long[] Shape, long DataStart)
{
    private const int MaxHeaderLength = 1 << 20;

    /// <summary>The tensor's element type: unsigned types that libtorch lacks are read into the next larger signed one.</summary>
    public ScalarType Type => (Kind, ItemSize) switch
    {
        ('f', 2) => ScalarType.Float16,
        ('f', 4) => ScalarType.Float32,
        ('f', 8) => ScalarType.Float64,
        ('i', 1) => ScalarType.Int8,
        ('i', 2) => ScalarType.Int16,
        ('i', 4) or ('u', 2) => ScalarType.Int32,
        ('i', 8) or ('u', 4) or ('u', 8) => ScalarType.Int64,
        ('u', 1) => ScalarType.Byte,
        ('b', 1) => ScalarType.Bool,
        _ => throw new InvalidOperationException($"NumPy type {Descr} was not checked."),
    };

    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    public bool IsSwapped => ItemSize > 1 && Order == '>';

    private const string UnreadKey = "unread";

    /// <summary>Type and shape of an array whose head is sound and whose type is not read; null for any other fault.</summary>
    public static (string Descr, long[] Shape)? Unread(InvalidDataException fault) => fault.Data[UnreadKey] as (string, long[])?;

    /// <summary>Reads the head at the stream's start.</summary>
    public static NpyHeader Read(Stream stream, string name)
    {
        Span<byte> fixedPart = stackalloc byte[12];
        var got = stream.ReadAtLeast(fixedPart[..10], 10, throwOnEndOfStream: false);
        if (got < 6 || fixedPart[0] != 0x93 || !fixedPart[1..6].SequenceEqual("NUMPY"u8))
        {
            throw new InvalidDataException($"{name}: no NumPy magic at offset 0; expected \\x93NUMPY.");
        }
        if (got < 10) throw new InvalidDataException($"{name}: ends at offset {got}, inside the header length.");
        if (fixedPart[6] is < 1 or > 3 || fixedPart[7] != 0)
        {
            throw new InvalidDataException($"{name}: format version {fixedPart[6]}.{fixedPart[7]} at offset 6; known are 1.0, 2.0 and "
                + $"3.0.");
        }
        var wide = fixedPart[6] >= 2;
        var start = wide ? 12 : 10;
        if (wide && (got += stream.ReadAtLeast(fixedPart[10..12], 2, throwOnEndOfStream: false)) < 12)
        {
            throw new InvalidDataException($"{name}: ends at offset {got}, inside the header length.");
        }
        long length = wide ? BinaryPrimitives.ReadUInt32LittleEndian(fixedPart[8..])
            : BinaryPrimitives.ReadUInt16LittleEndian(fixedPart[8..]);
        if (length > MaxHeaderLength)
        {
            throw new InvalidDataException($"{name}: a header of {length} bytes at offset {start}; at most {MaxHeaderLength} are read.");
        }
        var bytes = new byte[length];
        got = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (got < length)
        {
            throw new InvalidDataException($"{name}: the header of {length} bytes at offset {start} reaches past the end of the file "
                + $"({start + got}).");
        }
        return new Parser(Encoding.Latin1.GetString(bytes), name, start).Header(start + length);
    }

    // The header is a Python dictionary of three literals, in any order and with either kind of quotes.
    private sealed class Parser(string text, string name, int start)
    {
        private int _at;

        public NpyHeader Header(long dataStart)
        {
            string? descr = null;
            bool? fortran = null;
            List<long>? shape = null;
            Expect('{');
            while (!Take('}'))
            {
                var key = Quoted();
                Expect(':');
                if (key == "descr" && descr is null) descr = Descr();
                else if (key == "fortran_order" && fortran is null) fortran = Truth();
                else if (key == "shape" && shape is null) shape = Tuple();
                else throw Bad($"unexpected or repeated key '{key}'");
                if (!Take(',') && !Peek('}')) throw Bad("expected ',' or '}'");
            }
            if (text[_at..].Trim().Length > 0) throw Bad("text after the closing brace");
            if (descr is null || fortran is null || shape is null) throw Bad("'descr', 'fortran_order' or 'shape' is missing");
            return Checked(descr, fortran.Value, [.. shape], dataStart);
        }

        private NpyHeader Checked(string descr, bool fortran, long[] shape, long dataStart)
        {
            var (order, kind) = descr.Length >= 3 && descr[0] is '<' or '>' or '|' or '=' ? (descr[0], descr[1])
                : ('=', descr.Length > 0 ? descr[0] : ' ');
            var digits = descr.TrimStart('<', '>', '|', '=') is { Length: > 1 } rest ? rest[1..] : "";
            var size = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : -1;
            var isKnown = (kind, size) is ('f', 2 or 4 or 8) or ('i' or 'u', 1 or 2 or 4 or 8) or ('b', 1);
            if (!isKnown)
            {
                var unread = new InvalidDataException(
                    $"{name}: elements of type '{descr}' ({Describe(kind, size)}) at offset {start}; read "
                    + $"are booleans, whole numbers of 1 to 8 bytes and floats of 2, 4 and 8 bytes.{Cure(kind)}");
                unread.Data[UnreadKey] = (descr, shape);
                throw unread;
            }
            if (shape.Length > 32) throw new InvalidDataException($"{name}: {shape.Length} dimensions at offset {start}; NumPy allows 32.");
            Int128 count = 1;
            foreach (var side in shape)
            {
                if (side > 0) count *= side;
                if (count * size > long.MaxValue)
                {
                    throw new InvalidDataException($"{name}: the shape [{string.Join(", ", shape)}] at offset {start} asks for more "
                        + $"bytes than any file holds.");
                }
            }
            return new NpyHeader(descr, order, kind, size, fortran, shape, dataStart);
        }

        private static string Describe(char kind, int size) => kind switch
        {
            'c' => $"complex numbers of {size} bytes",
            'f' => $"floats of {size} bytes",
            'S' or 'a' => "byte strings",
            'U' => "texts",
            'O' => "Python objects, which would run code when read",
            'M' or 'm' => "dates or durations",
            'V' or '[' => "records",
            _ => "unknown",
        };

        private static string Cure(char kind) => kind switch
        {
            'c' => " Save real and imaginary part as two arrays.",
            'f' => " Save array.astype('float64').",
            'O' or 'V' or '[' => " Save each field as an array of numbers.",
            _ => "",
        };

        private string Descr()
        {
            if (!Peek('[')) return Quoted();
            // A list of fields: named in the refusal, so its text is enough.
            var from = _at;
            var depth = 0;
            for (; _at < text.Length; _at++)
            {
                if (text[_at] == '[') depth++;
                if (text[_at] == ']' && --depth == 0) return text[from..++_at];
            }
            throw Bad("a list that does not end");
        }

        private bool Truth()
        {
            Blank();
            foreach (var (word, value) in new[] { ("True", true), ("False", false) })
            {
                if (!text.AsSpan(_at).StartsWith(word, StringComparison.Ordinal)) continue;
                _at += word.Length;
                return value;
            }
            throw Bad("expected True or False");
        }

        private List<long> Tuple()
        {
            var sides = new List<long>();
            Expect('(');
            while (!Take(')'))
            {
                Blank();
                var from = _at;
                while (_at < text.Length && char.IsAsciiDigit(text[_at])) _at++;
                if (!long.TryParse(text.AsSpan(from, _at - from), NumberStyles.None, CultureInfo.InvariantCulture, out var side))
                    throw Bad("expected a size that is a whole number of at most 19 digits");
                // Python 2 wrote long integers as 3L.
                if (_at < text.Length && text[_at] == 'L') _at++;
                sides.Add(side);
                if (!Take(',') && !Peek(')')) throw Bad("expected ',' or ')'");
            }
            return sides;
        }

        private string Quoted()
        {
            Blank();
            if (_at >= text.Length || text[_at] is not ('\'' or '"')) throw Bad("expected a quoted text");
            var end = text.IndexOf(text[_at], _at + 1);
            if (end < 0) throw Bad("a quote that does not close");
            var value = text[(_at + 1)..end];
            _at = end + 1;
            return value;
        }

        private void Blank()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        }

        private bool Peek(char c)
        {
            Blank();
            return _at < text.Length && text[_at] == c;
        }

        private bool Take(char c)
        {
            if (!Peek(c)) return false;
            _at++;
            return true;
        }

        private void Expect(char c)
        {
            if (!Take(c)) throw Bad($"expected '{c}'");
        }

        private InvalidDataException Bad(string what)
            => new($"{name}: the header is damaged at offset {start + _at}: {what}. It reads: {CsvText.Shorten(text.Trim())}");
    }
}
