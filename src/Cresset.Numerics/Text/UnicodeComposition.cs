using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Cresset.Numerics;

/// <summary>Unicode normalization form C and the width folding of U+FF01..U+FFF0, from an embedded table.</summary>
/// <remarks>The runtime's own normalization does nothing in globalization-invariant mode, which Cresset's programs use.</remarks>
internal sealed class UnicodeComposition
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28;

    private static readonly Lazy<UnicodeComposition> Shared = new(() => new UnicodeComposition());

    private readonly Dictionary<int, (int First, int Second)> _decompositions = [];
    private readonly Dictionary<(int, int), int> _compositions = [];
    private readonly Dictionary<int, int> _classes = [];
    private readonly string[] _widths = new string[0xFFF1 - 0xFF01];

    private UnicodeComposition()
    {
        using var stream = typeof(UnicodeComposition).Assembly.GetManifestResourceStream("unicode/composition.bin")
            ?? throw new InvalidOperationException("The assembly lacks its embedded file composition.bin.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var words = MemoryMarshal.Cast<byte, uint>(bytes).ToArray();
        if (!BitConverter.IsLittleEndian) words = Array.ConvertAll(words, BinaryPrimitives.ReverseEndianness);
        var at = 0;
        int Next() => (int)words[at++];
        for (var n = Next(); n > 0; n--)
        {
            int code = Next(), first = Next(), second = Next();
            _decompositions[code] = (first, second);
            if (Next() == 1) _compositions[(first, second)] = code;
        }
        for (var n = Next(); n > 0; n--) _classes[Next()] = Next();
        for (var i = 0; i < _widths.Length; i++)
        {
            var text = new StringBuilder();
            for (var n = Next(); n > 0; n--) text.Append(char.ConvertFromUtf32(Next()));
            _widths[i] = text.ToString();
        }
    }

    /// <summary>The text in normalization form C.</summary>
    public static string Compose(string text)
    {
        foreach (var c in text)
        {
            // Everything below U+0300 is in form C already.
            if (c >= 0x300) return Shared.Value.ComposeAll(text);
        }
        return text;
    }

    /// <summary>Full-width and half-width characters as their ordinary forms; the ideographic space as a space.</summary>
    public static string FoldWidth(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c == '\u3000') result.Append(' ');
            else if (c is >= '\uFF01' and <= '\uFFF0') result.Append(Shared.Value._widths[c - 0xFF01]);
            else result.Append(c);
        }
        return result.ToString();
    }

    private string ComposeAll(string text)
    {
        var codes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(rune.Value, codes);
        Reorder(codes);
        var result = new StringBuilder(text.Length);
        foreach (var code in Recompose(codes)) result.Append(char.ConvertFromUtf32(code));
        return result.ToString();
    }

    private void Decompose(int code, List<int> codes)
    {
        if (code is >= HangulBase and < HangulBase + (LeadCount * VowelCount * TrailCount))
        {
            var index = code - HangulBase;
            codes.Add(LeadBase + (index / (VowelCount * TrailCount)));
            codes.Add(VowelBase + (index % (VowelCount * TrailCount) / TrailCount));
            if (index % TrailCount != 0) codes.Add(TrailBase + (index % TrailCount));
        }
        else if (_decompositions.TryGetValue(code, out var parts))
        {
            Decompose(parts.First, codes);
            if (parts.Second != 0) Decompose(parts.Second, codes);
        }
        else
        {
            codes.Add(code);
        }
    }

    private int ClassOf(int code) => _classes.GetValueOrDefault(code);

    private void Reorder(List<int> codes)
    {
        for (var start = 0; start < codes.Count; start++)
        {
            if (ClassOf(codes[start]) == 0) continue;
            var end = start;
            while (end < codes.Count && ClassOf(codes[end]) != 0) end++;
            var run = codes.GetRange(start, end - start).OrderBy(ClassOf).ToList();
            for (var i = 0; i < run.Count; i++) codes[start + i] = run[i];
            start = end;
        }
    }

    private List<int> Recompose(List<int> codes)
    {
        var result = new List<int>(codes.Count);
        int starter = -1, last = 0;
        foreach (var code in codes)
        {
            var kind = ClassOf(code);
            if (starter >= 0 && (starter == result.Count - 1 || (last < kind && last != 0)) && Pair(result[starter], code) is { } joined)
            {
                result[starter] = joined;
                continue;
            }
            if (kind == 0) starter = result.Count;
            last = kind;
            result.Add(code);
        }
        return result;
    }

    private int? Pair(int first, int second)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
        {
            return HangulBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TrailCount);
        }
        if (first >= HangulBase && first < HangulBase + (LeadCount * VowelCount * TrailCount) && (first - HangulBase) % TrailCount == 0
            && second is > TrailBase and < TrailBase + TrailCount)
        {
            return first + second - TrailBase;
        }
        return _compositions.TryGetValue((first, second), out var code) ? code : null;
    }
}
