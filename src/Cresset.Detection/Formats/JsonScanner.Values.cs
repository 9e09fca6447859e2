using System.Runtime.CompilerServices;
using System.Text;

namespace Cresset.Detection;

/// <content>Numbers, flags and values that are passed over.</content>
internal sealed partial class JsonScanner
{
    /// <summary>Takes a list of exactly four plain numbers; takes nothing when the text looks any other way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryTakeFour(out double a, out double b, out double c, out double d)
    {
        a = b = c = d = 0;
        if (Peek() != '[') return false;
        if (_end - _position < 160) EnsureWindow(160);
        var i = _position + 1;
        if (!JsonNumber.TryParse(_buffer, i, _end, out a, out i) || !Comma(ref i)) return false;
        if (!JsonNumber.TryParse(_buffer, i, _end, out b, out i) || !Comma(ref i)) return false;
        if (!JsonNumber.TryParse(_buffer, i, _end, out c, out i) || !Comma(ref i)) return false;
        if (!JsonNumber.TryParse(_buffer, i, _end, out d, out i) || _buffer[i] != ']') return false;
        _position = i + 1;
        return true;
    }

    /// <summary>Takes a list of two plain whole numbers; takes nothing when the text looks any other way.</summary>
    public bool TryTakePair(out long a, out long b)
    {
        a = b = -1;
        if (Peek() != '[') return false;
        if (_end - _position < 64) EnsureWindow(64);
        var i = _position + 1;
        if (!Digits(ref i, out var first) || i >= _end || !Comma(ref i) || !Digits(ref i, out var second)) return false;
        if (i >= _end || _buffer[i] != ']') return false;
        (a, b, _position) = (first, second, i + 1);
        return true;
    }

    /// <summary>Takes a list of plain numbers; takes nothing when the text looks any other way or is long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryTakeNumbers(ref double[] numbers, out int count)
    {
        count = 0;
        if (Peek() != '[') return false;
        if (_end - _position < 8192) EnsureWindow(8192);
        var i = _position + 1;
        while (JsonNumber.TryParse(_buffer, i, _end, out var value, out i))
        {
            if (count == numbers.Length) Array.Resize(ref numbers, 2 * count);
            numbers[count++] = value;
            if (_buffer[i] == ']')
            {
                _position = i + 1;
                return true;
            }
            if (!Comma(ref i)) return false;
        }
        return false;
    }

    /// <summary>A number, or NaN / Infinity / -Infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double ReadNumber()
    {
        var first = Peek();
        if (_end - _position < 32) EnsureWindow(64);
        if (JsonNumber.TryParse(_buffer, _position, _end, out var value, out var next))
        {
            _position = next;
            return value;
        }
        return ReadNumberSlow(first);
    }

    /// <summary>Takes a plain whole number of up to 17 digits; takes nothing when the text looks any other way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTakeInteger(out long value)
    {
        Peek();
        if (_end - _position < 32) EnsureWindow(64);
        var i = _position;
        value = 0;
        while (i < _end && (uint)(_buffer[i] - '0') <= 9 && i - _position < 18) value = (value * 10) + (_buffer[i++] - '0');
        var digits = i - _position;
        if (digits is 0 or 18 || i == _end || (digits > 1 && _buffer[_position] == '0')) return false;
        if (_buffer[i] is not ((byte)',' or (byte)'}' or (byte)']' or (byte)' ' or (byte)'\n')) return false;
        _position = i;
        return true;
    }

    /// <summary>The digits of the next number as they stand, for numbers that a double cannot hold.</summary>
    public string ReadNumberText()
    {
        Peek();
        var offset = Offset;
        ReadNumber();
        // Reading may move the window, but never away from the number itself.
        var length = (int)(Offset - offset);
        return Encoding.ASCII.GetString(_buffer, _position - length, length);
    }

    /// <summary>Passes over any value; what is passed over must be sound JSON too.</summary>
    public void Skip()
    {
        Span<byte> open = stackalloc byte[MaxDepth];
        var depth = 0;
        while (true)
        {
            var b = Peek();
            if (b is (byte)'{' or (byte)'[')
            {
                if (depth == MaxDepth) throw Structure("lists are nested more than 200 deep.");
                _position++;
                var close = b == '{' ? (byte)'}' : (byte)']';
                if (!TryTake(close))
                {
                    open[depth++] = close;
                    if (close == '}') ReadName();
                    continue;
                }
            }
            else if (b == '"') ReadString();
            else if (b is (byte)'t' or (byte)'f' or (byte)'n') SkipWord();
            else ReadNumber();
            while (depth > 0 && !NextElement(open[depth - 1])) depth--;
            if (depth == 0) return;
            if (open[depth - 1] == '}') ReadName();
        }
    }

    /// <summary>true, false, a number (not zero is true) or a text of these; false when it is none of them.</summary>
    public bool TryReadFlag(out bool value)
    {
        var b = Peek();
        value = false;
        if (b is (byte)'[' or (byte)'{')
        {
            Skip();
            return false;
        }
        if (b == '"') return FlagText.TryParse(ReadText(), out value);
        value = b is (byte)'t' or (byte)'f' ? SkipWord() == 't' : b != 'n' ? ReadNumber() != 0 : SkipWord() == 't';
        return true;
    }

    /// <summary>A whole number of up to nine digits without a leading zero.</summary>
    private bool Digits(ref int i, out long value)
    {
        var first = i;
        value = 0;
        while (i < _end && (uint)(_buffer[i] - '0') <= 9 && i - first < 10) value = (value * 10) + (_buffer[i++] - '0');
        return i - first is > 0 and < 10 && (i - first == 1 || _buffer[first] != '0');
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Comma(ref int i)
    {
        if (_buffer[i] != ',') return false;
        i++;
        if (i < _end && _buffer[i] == ' ') i++;
        return true;
    }

    private double ReadNumberSlow(byte first)
    {
        if (first is (byte)'N' or (byte)'I')
        {
            return TakeWord(first == 'N' ? "NaN"u8 : "Infinity"u8, first == 'N' ? double.NaN : double.PositiveInfinity);
        }
        if (first == '-' && _position + 1 < _end && _buffer[_position + 1] == 'I') return TakeWord("-Infinity"u8, double.NegativeInfinity);
        EnsureWindow(2048);
        if (JsonNumber.TryParseLong(_buffer.AsSpan(_position, _end - _position), out var value, out var used))
        {
            _position += used;
            return value;
        }
        throw Unexpected("a number");
    }

    private double TakeWord(ReadOnlySpan<byte> word, double value)
    {
        EnsureWindow(16);
        if (!_buffer.AsSpan(_position, _end - _position).StartsWith(word)) throw Unexpected("a number");
        _position += word.Length;
        return value;
    }

    private byte SkipWord()
    {
        EnsureWindow(8);
        var rest = _buffer.AsSpan(_position, _end - _position);
        var first = rest[0];
        var word = first == 't' ? "true"u8 : first == 'f' ? "false"u8 : "null"u8;
        if (!rest.StartsWith(word)) throw Unexpected("a value");
        _position += word.Length;
        return first;
    }
}
