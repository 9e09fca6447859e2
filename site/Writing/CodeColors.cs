using System.Text;
using System.Text.RegularExpressions;

namespace Cresset.Site.Writing;

/// <summary>
/// Comments, texts, numbers and words of a language in spans. Enough for the snippets of guides, and done while the site is built.
/// </summary>
internal static partial class CodeColors
{
    private static readonly Dictionary<string, HashSet<string>> Words = new()
    {
        ["csharp"] =
            [.. ("abstract as async await base bool break byte case catch class const continue decimal default delegate do double else "
                + "enum event explicit extern " +
            "false finally fixed float for foreach get if implicit in init int interface internal is lock long nameof namespace new null "
            + "object operator out override " +
            "params partial private protected public readonly record ref required return sealed set short sizeof static string struct "
            + "switch this throw true try typeof " +
            "uint ulong unsafe using var virtual void when where while with yield").Split(' ')],
        ["python"] = [.. ("and as assert break class continue def del elif else except False finally for from if import in is lambda "
            + "None not or pass raise return True try while with yield").Split(' ')],
        ["js"] = [.. ("async await break case class const continue default else export false for from function if import in let new "
            + "null of return static this throw true try typeof var while").Split(' ')],
        ["sh"] = [.. "cresset dotnet for do done if then fi export cat".Split(' ')],
        ["yaml"] = ["true", "false", "null"],
        ["json"] = ["true", "false", "null"],
    };

    /// <summary>The code as HTML.</summary>
    /// <param name="code">The code.</param>
    /// <param name="language">The word after the fence, or a file's extension.</param>
    public static string Html(string code, string language)
    {
        var name = language.ToLowerInvariant() switch
        {
            "csharp" or "cs" => "csharp",
            "python" or "py" => "python",
            "js" or "javascript" => "js",
            "yaml" or "yml" => "yaml",
            "json" => "json",
            "" or "bash" or "sh" or "text" or "console" or "slurm" => "sh",
            _ => "",
        };
        if (name.Length == 0) return HtmlEncode(code);
        var words = Words[name];
        var marks = name is "csharp" or "js" ? Slashes() : name is "json" ? Plain() : Hashes();
        var html = new StringBuilder();
        var at = 0;
        foreach (Match match in marks.Matches(code))
        {
            var kind = match.Groups["c"].Success ? "c" : match.Groups["s"].Success ? "s" : match.Groups["n"].Success ? "n"
                : words.Contains(match.Value) ? "k" : "";
            if (kind.Length == 0) continue;
            html.Append(HtmlEncode(code[at..match.Index])).Append("<span class=\"h").Append(kind).Append("\">")
                .Append(HtmlEncode(match.Value)).Append("</span>");
            at = match.Index + match.Length;
        }
        return html.Append(HtmlEncode(code[at..])).ToString();
    }

    [GeneratedRegex(
        @"(?<c>//[^\n]*|/\*[\s\S]*?\*/)|"
        + @"(?<s>""""""[\s\S]*?""""""|[$@]*""(?:\\.|[^""\\\n])*""|'(?:\\.|[^'\\\n])+')|"
        + @"(?<n>\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<w>\b[A-Za-z_]\w*\b)")]
    private static partial Regex Slashes();

    [GeneratedRegex(
        @"(?<c>(?<=^|\s)#[^\n]*)|"
        + @"(?<s>""(?:\\.|[^""\\\n])*""|(?<![A-Za-z])'[^'\n]*')|"
        + @"(?<n>(?<![\w.-])\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<w>\b[A-Za-z_]\w*\b)")]
    private static partial Regex Hashes();

    [GeneratedRegex(@"(?<s>""(?:\\.|[^""\\\n])*"")|(?<n>-?\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<w>\b[A-Za-z_]\w*\b)")]
    private static partial Regex Plain();
}
