using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Cresset.Site.Reference;

/// <summary>The documentation comments of all assemblies by their ids.</summary>
internal sealed partial class XmlDocs
{
    private readonly Dictionary<string, XElement> _members = [];

    /// <summary>Reads a documentation file.</summary>
    public void Add(string file)
    {
        foreach (var member in XDocument.Load(file, LoadOptions.PreserveWhitespace).Descendants("member"))
        {
            if (member.Attribute("name")?.Value is { } id) _members[id] = member;
        }
    }

    /// <summary>The comment of a member; null without one.</summary>
    public XElement? Of(string id) => _members.GetValueOrDefault(id);

    /// <summary>The content of an element as HTML; <paramref name="see"/> makes a link of an id.</summary>
    public static string Html(XElement? element, Func<string, string> see)
    {
        if (element is null) return "";
        var html = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            if (node is XText text) html.Append(HtmlEncode(Spaces().Replace(text.Value, " ")));
            if (node is not XElement inner) continue;
            var content = Html(inner, see);
            html.Append(inner.Name.LocalName switch
            {
                "see" or "seealso" =>
                    inner.Attribute("cref") is { } cref ? see(cref.Value) : inner.Attribute("langword") is { } word
                        ? $"<code>{HtmlEncode(word.Value)}</code>" : content,
                "paramref" or "typeparamref" => $"<code>{HtmlEncode(inner.Attribute("name")?.Value ?? "")}</code>",
                "c" => $"<code>{content}</code>",
                "code" => $"<pre><code>{HtmlEncode(Unindented(inner.Value))}</code></pre>",
                "para" => $"<p>{content}</p>",
                "list" => List(inner, see),
                "b" or "strong" => $"<b>{content}</b>",
                "i" or "em" => $"<em>{content}</em>",
                _ => content,
            });
        }
        return html.ToString().Trim();
    }

    private static string List(XElement list, Func<string, string> see)
    {
        var tag = list.Attribute("type")?.Value == "number" ? "ol" : "ul";
        var items = list.Elements("item").Select(i =>
        {
            var term = Html(i.Element("term"), see);
            var text = i.Element("description") is { } description ? Html(description, see) : i.Element("term") is null ? Html(i, see) : "";
            return $"<li>{(term.Length > 0 ? $"<b>{term}</b> " : "")}{text}</li>";
        });
        return $"<{tag}>{string.Concat(items)}</{tag}>";
    }

    private static string Unindented(string code)
    {
        var lines = code.ReplaceLineEndings("\n").Trim('\n').Split('\n');
        var indent = lines.Where(l => l.Trim().Length > 0).Select(l => l.Length - l.TrimStart().Length).DefaultIfEmpty(0).Min();
        return string.Join('\n', lines.Select(l => l.Length >= indent ? l[indent..] : l.TrimStart()));
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
