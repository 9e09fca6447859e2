using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Cresset.Data;

/// <summary>Cuts a text into words by a regular expression; what matches nothing is a word too, so that no character is lost.</summary>
/// <remarks>
/// .NET's expressions see halves of characters beyond U+FFFF, which are neither letters nor numbers to them. They look at stand-ins of the
/// same kind, one for each character.
/// </remarks>
internal sealed class WordCutter(string pattern)
{
    private readonly Regex _words = new(pattern, RegexOptions.CultureInvariant);

    public IEnumerable<string> Cut(string text)
    {
        var (seen, starts) = StandIns(text);
        List<(int From, int To)> pieces = [];
        var at = 0;
        foreach (var match in _words.EnumerateMatches(seen))
        {
            if (match.Index > at) pieces.Add((at, match.Index));
            if (match.Length > 0) pieces.Add((match.Index, match.Index + match.Length));
            at = match.Index + match.Length;
        }
        if (at < seen.Length) pieces.Add((at, seen.Length));
        return pieces.Select(p => starts is null ? text[p.From..p.To] : text[starts[p.From]..starts[p.To]]);
    }

    private static (string Seen, int[]? Starts) StandIns(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0) return (text, null);
        var seen = new StringBuilder(text.Length);
        var starts = new List<int>(text.Length + 1);
        for (var at = 0; at < text.Length;)
        {
            starts.Add(at);
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);
            seen.Append(rune.IsBmp ? (char)rune.Value : StandIn(rune));
            at += length;
        }
        starts.Add(text.Length);
        return (seen.ToString(), [.. starts]);
    }

    // Characters that no expression names.
    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\u0181',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.LowercaseLetter => '\u02AC',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u01BB',
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => '\u036F',
        UnicodeCategory.DecimalDigitNumber => '\u0966',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u2189',
        >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation => '\u2042',
        >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol => '\u2603',
        _ => '\uE000',
    };
}
