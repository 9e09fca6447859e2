using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Text;

namespace Cresset.Detection;

/// <summary>Numbers from UTF-8 text: exact for all input, quick for up to 15 digits.</summary>
internal static class JsonNumber
{
    private static readonly double[] PowersOfTen =
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];

    /// <summary>
    /// The quick way: digits, a point, digits, and the byte after them inside the window. A mantissa below 2^53 divided by a power of ten
    /// up to 1e22 is rounded once, so the result is the nearest double (Clinger 1990).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryParse(byte[] buffer, int start, int end, out double value, out int next)
    {
        var i = start;
        value = 0;
        next = start;
        if (i >= end) return false;
        var negative = buffer[i] == '-';
        if (negative) i++;
        ulong mantissa = 0;
        var first = i;
        while (i < end && (uint)(buffer[i] - '0') <= 9) mantissa = (mantissa * 10) + (ulong)(buffer[i++] - '0');
        var digits = i - first;
        if (digits == 0 || (digits > 1 && buffer[first] == '0')) return false;
        var decimals = 0;
        if (i < end && buffer[i] == '.')
        {
            var fraction = ++i;
            while (i < end && (uint)(buffer[i] - '0') <= 9) mantissa = (mantissa * 10) + (ulong)(buffer[i++] - '0');
            decimals = i - fraction;
            if (decimals == 0) return false;
        }
        if (digits + decimals > 19 || mantissa > 9007199254740992UL || i >= end || (buffer[i] | 0x20) == 'e') return false;
        var magnitude = mantissa / PowersOfTen[decimals];
        value = negative ? -magnitude : magnitude;
        next = i;
        return true;
    }

    /// <summary>Any number of JSON; false when the text does not begin with one.</summary>
    public static bool TryParseLong(ReadOnlySpan<byte> text, out double value, out int used)
    {
        value = 0;
        used = 0;
        var i = 0;
        if (i < text.Length && text[i] == '-') i++;
        var whole = DigitsAt(text, i);
        if (whole == 0 || (whole > 1 && text[i] == '0')) return false;
        i += whole;
        if (i < text.Length && text[i] == '.')
        {
            var fraction = DigitsAt(text, i + 1);
            if (fraction == 0) return false;
            i += 1 + fraction;
        }
        if (i < text.Length && (text[i] | 0x20) == 'e')
        {
            var e = i + 1;
            if (e < text.Length && text[e] is (byte)'+' or (byte)'-') e++;
            var exponent = DigitsAt(text, e);
            if (exponent == 0) return false;
            i = e + exponent;
        }
        if (!Utf8Parser.TryParse(text[..i], out value, out used) || used != i)
        {
            used = i;
            return double.TryParse(Encoding.ASCII.GetString(text[..i]), System.Globalization.NumberStyles.Float,
                System.Globalization.CultureInfo.InvariantCulture, out value);
        }
        return true;
    }

    private static int DigitsAt(ReadOnlySpan<byte> text, int start)
    {
        var i = start;
        while (i < text.Length && (uint)(text[i] - '0') <= 9) i++;
        return i - start;
    }
}

/// <summary>Escapes in JSON strings.</summary>
internal static class JsonEscapes
{
    /// <summary>Replaces the escapes; the result is never longer than the text.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, Span<byte> target, out int written)
    {
        written = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                target[written++] = text[i];
                continue;
            }
            if (++i == text.Length) return false;
            int plain = text[i] switch
            {
                (byte)'"' => '"',
                (byte)'\\' => '\\',
                (byte)'/' => '/',
                (byte)'b' => '\b',
                (byte)'f' => '\f',
                (byte)'n' => '\n',
                (byte)'r' => '\r',
                (byte)'t' => '\t',
                _ => -1,
            };
            if (plain >= 0)
            {
                target[written++] = (byte)plain;
                continue;
            }
            if (text[i] != 'u' || !TryHex(text, i + 1, out var unit)) return false;
            i += 4;
            if (unit is >= 0xD800 and < 0xDC00 && i + 2 < text.Length && text[i + 1] == '\\' && text[i + 2] == 'u'
                && TryHex(text, i + 3, out var low) && low is >= 0xDC00 and < 0xE000)
            {
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                i += 6;
            }
            var rune = Rune.IsValid(unit) ? new Rune(unit) : Rune.ReplacementChar;
            written += rune.EncodeToUtf8(target[written..]);
        }
        return true;
    }

    private static bool TryHex(ReadOnlySpan<byte> text, int start, out int value)
    {
        value = 0;
        return start + 4 <= text.Length && Utf8Parser.TryParse(text.Slice(start, 4), out value, out var used, 'x') && used == 4;
    }
}
