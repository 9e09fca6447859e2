using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Cleans prompts as the two reference CLIP tokenizers do; see <see cref="ClipTextCleaning"/>.</summary>
internal static class TextCleaning
{
    private static readonly Regex TerminalEscape = new("\u001b\\[[0-9;]*[a-zA-Z]", RegexOptions.CultureInvariant | RegexOptions.Compiled);

    private static readonly Dictionary<char, string> Ligatures = new()
    {
        ['Ĳ'] = "IJ",
        ['ĳ'] = "ij",
        ['ŉ'] = "ʼn",
        ['Ǆ'] = "DŽ",
        ['ǅ'] = "Dž",
        ['ǆ'] = "dž",
        ['Ǉ'] = "LJ",
        ['ǈ'] = "Lj",
        ['ǉ'] = "lj",
        ['Ǌ'] = "NJ",
        ['ǋ'] = "Nj",
        ['ǌ'] = "nj",
        ['Ǳ'] = "DZ",
        ['ǲ'] = "Dz",
        ['ǳ'] = "dz",
        ['ﬀ'] = "ff",
        ['ﬁ'] = "fi",
        ['ﬂ'] = "fl",
        ['ﬃ'] = "ffi",
        ['ﬄ'] = "ffl",
        ['ﬅ'] = "ſt",
        ['ﬆ'] = "st",
    };

    public static string Clean(string text, ClipTextCleaning cleaning)
        => cleaning == ClipTextCleaning.Repair ? Repair(text) : Basic(text);

    private static string Repair(string text)
    {
        // ftfy decodes entities only where no tag stands; CLIP then decodes twice more in any case.
        if (!text.Contains('<', StringComparison.Ordinal)) text = WebUtility.HtmlDecode(text);
        text = TerminalEscape.Replace(text, "");
        var plain = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (Ligatures.TryGetValue(c, out var letters)) plain.Append(letters);
            else plain.Append(c);
        }
        text = UnicodeComposition.FoldWidth(plain.ToString());
        plain.Clear();
        foreach (var rune in text.EnumerateRunes())
        {
            var c = rune.Value;
            if (c is 0x2BC or (>= 0x2018 and <= 0x201B)) plain.Append('\'');
            else if (c is >= 0x201C and <= 0x201F) plain.Append('"');
            else if (c is 0x2028 or 0x2029 or 0x85) plain.Append('\n');
            else if (!IsUnwanted(c)) plain.Append(rune.ToString());
        }
        text = UnicodeComposition.Compose(plain.ToString());
        text = WebUtility.HtmlDecode(WebUtility.HtmlDecode(text));
        return Lower(CollapseSpace(text));
    }

    private static bool IsUnwanted(int c)
        => c is (< 0x20 and not ('\t' or '\n' or '\f' or '\r')) or 0x7F or (>= 0x206A and <= 0x206F) or 0xFEFF or (>= 0xFFF9 and <= 0xFFFB);

    private static string Basic(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var c = rune.Value;
            if (c is '\t' or '\n' or '\r' || Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator) result.Append(' ');
            else if (c is 0 or 0xFFFD || IsControl(rune)) continue;
            else if (IsCjk(c)) result.Append(' ').Append(rune.ToString()).Append(' ');
            else result.Append(rune.ToString());
        }
        return Lower(CollapseSpace(UnicodeComposition.Compose(result.ToString())));
    }

    private static bool IsControl(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate
            or UnicodeCategory.OtherNotAssigned;

    private static bool IsCjk(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B820 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    internal static bool IsSpace(Rune rune) => Rune.IsWhiteSpace(rune) || rune.Value is >= 0x1C and <= 0x1F;

    private static string CollapseSpace(string text)
    {
        var result = new StringBuilder(text.Length);
        var pending = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsSpace(rune))
            {
                pending = result.Length > 0;
                continue;
            }
            if (pending) result.Append(' ');
            pending = false;
            result.Append(rune.ToString());
        }
        return result.ToString();
    }

    // Full lower-casing: the dotted capital I becomes two characters, and a sigma at the end of a word its final form.
    private static string Lower(string text)
    {
        var result = new StringBuilder(text.Length);
        var runes = text.EnumerateRunes().ToArray();
        for (var i = 0; i < runes.Length; i++)
        {
            if (runes[i].Value == 0x130) result.Append("i\u0307");
            else if (runes[i].Value == 0x3A3) result.Append(IsFinalSigma(runes, i) ? 'ς' : 'σ');
            else result.Append(Rune.ToLowerInvariant(runes[i]).ToString());
        }
        return result.ToString();
    }

    private static bool IsFinalSigma(Rune[] runes, int at)
    {
        var before = at - 1;
        while (before >= 0 && IsCaseIgnorable(runes[before])) before--;
        if (before < 0 || !IsCased(runes[before])) return false;
        var after = at + 1;
        while (after < runes.Length && IsCaseIgnorable(runes[after])) after++;
        return after >= runes.Length || !IsCased(runes[after]);
    }

    private static bool IsCased(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
            or UnicodeCategory.TitlecaseLetter;

    private static bool IsCaseIgnorable(Rune rune) => rune.Value is '\'' or '.' or ':' or 0xB7 or 0x2019
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
