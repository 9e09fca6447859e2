using System.Text;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Site.Writing;

namespace Cresset.Site.Reference;

/// <summary>Every part of every kind with its options, as <c>cresset show</c> prints them.</summary>
/// <param name="site">Where the pages go.</param>
/// <param name="parts">The parts.</param>
internal sealed class PartPages(SiteFolder site, PartCatalog parts)
{
    /// <summary>Writes a page for each kind and the first page of the reference.</summary>
    public void Write()
    {
        var kinds = parts.Kinds.Order(StringComparer.Ordinal).ToList();
        var side = Side(kinds);
        foreach (var kind in kinds) WriteKind(kind, side);
        var body = new StringBuilder(
            $"<h1>Reference</h1><p class=\"lead\">{parts.All.Count(p => p.Kind != "job")} parts of {kinds.Count - 1} kinds, "
                + $"{parts.Of("job").Count} jobs, {RecipeCatalog.Names.Count} recipes and every command, " +
            "written from the records and the command tree when this site was built. <code>cresset show NAME</code> prints the same.</p>" +
            "<ul class=\"cards\"><li><a href=\"recipes.html\"><b>Recipes</b><span>Every recipe with all its keys: meaning, type, default, "
            + "range.</span></a></li>" +
            "<li><a href=\"commands.html\"><b>Commands</b><span>Every verb of cresset with its help.</span></a></li>" +
            "<li><a href=\"../api/index.html\"><b>API</b><span>Every public type of every namespace.</span></a></li></ul><h2>Parts by "
            + "kind</h2><dl class=\"kinds\">");
        foreach (var kind in kinds)
        {
            var links = parts.Of(kind).Select(p => $"<a href=\"parts/{kind}.html#{HtmlEncode(p.Name)}\">{HtmlEncode(p.Name)}</a>");
            body.Append($"<dt><a href=\"parts/{kind}.html\">{kind}</a></dt><dd>{string.Join(", ", links)}</dd>");
        }
        site.Page("reference/index.html",
            Layout.Html(new("reference/index.html", "Reference", body.Append("</dl>").ToString()) { Tab = "reference", Side = side }),
            "reference", "Reference", "");
    }

    /// <summary>The list at the left of all pages of the reference.</summary>
    public static IReadOnlyList<SideLink> Side(IEnumerable<string> kinds)
        => [new("Overview", "reference/index.html"), new("Recipes", "reference/recipes.html"), new("Commands", "reference/commands.html"),
            new("Parts"),
            .. kinds.Select(k => new SideLink(k, $"reference/parts/{k}.html"))];

    private void WriteKind(string kind, IReadOnlyList<SideLink> side)
    {
        var entries = parts.Of(kind).OrderBy(p => p.Name, StringComparer.Ordinal).ToList();
        var body = new StringBuilder($"<h1>Parts: {kind}</h1>");
        foreach (var part in entries)
        {
            var type = part.Type.FullName!.Replace('+', '.');
            body.Append(
                $"<section class=\"part\"><h2 "
                    + $"id=\"{HtmlEncode(part.Name)}\"><code>{HtmlEncode(part.Name)}</code></h2><p>{HtmlEncode(part.Summary)}</p><p "
                    + $"class=\"facts\">");
            if (part.Source.Length > 0) body.Append($"{HtmlEncode(part.Source)} · ");
            if (part.Aliases.Count > 0)
                body.Append($"also {string.Join(", ", part.Aliases.Select(a => $"<code>{HtmlEncode(a)}</code>"))} · ");
            body.Append(part.Type.IsPublic ? $"in C#: <a href=\"../../api/{HtmlEncode(type)}.html\">{HtmlEncode(part.Type.Name)}</a></p>"
                : $"in C#: {HtmlEncode(part.Type.Name)}</p>");
            if (part.Create() is IJob job)
            {
                foreach (var section in job.Sections)
                    body.Append($"<h3>{HtmlEncode(section.Name)}</h3>").Append(Table(new OptionFacts(parts, section.Defaults).All, parts));
            }
            else if (part.Create() is IOptionsRecord record)
            {
                body.Append(Table(new OptionFacts(parts, record).All, parts));
            }
            body.Append("</section>");
        }
        var path = $"reference/parts/{kind}.html";
        site.Page(path,
            Layout.Html(
                new(path, $"Parts: {kind}", body.ToString())
                {
                    Tab = "reference",
                    Side = side,
                    Sections = [.. entries.Select(p => (p.Name, p.Name))]
                }), "reference", $"Parts: {kind}",
            string.Join(' ', entries.Select(p => $"{p.Name} {string.Join(' ', p.Aliases)} {p.Summary}")));
    }

    /// <summary>Options as a table.</summary>
    public static string Table(IReadOnlyList<OptionFact> facts, PartCatalog parts)
    {
        if (facts.Count == 0) return "<p class=\"facts\">No options.</p>";
        var html = new StringBuilder(
            "<div class=\"table\" tabindex=\"0\"><table "
                + "class=\"options\"><thead><tr><th>key</th><th>meaning</th><th>type</th><th>default</th><th>allowed</th></tr></thead>"
                + "<tbody>");
        foreach (var fact in facts)
        {
            html.Append(
                $"<tr><td><code>{HtmlEncode(fact.Key)}</code></td><td>{HtmlEncode(fact.Summary)}</td><td>{Type(fact.Type, parts)}"
                    + $"</td><td><code>{HtmlEncode(fact.Default)}</code></td><td>{HtmlEncode(fact.Allowed)}</td></tr>");
        }
        return html.Append("</tbody></table></div>").ToString();
    }

    // "the name of a part of kind optimizer, or a map ..." leads to the page of that kind. All pages with tables lie at the same depth.
    private static string Type(string type, PartCatalog parts)
    {
        const string before = "part of kind ";
        var at = type.IndexOf(before, StringComparison.Ordinal);
        if (at < 0) return HtmlEncode(type);
        var start = at + before.Length;
        var end = start;
        while (end < type.Length && (char.IsAsciiLetter(type[end]) || type[end] == '-')) end++;
        var kind = type[start..end];
        return parts.Kinds.Contains(kind)
            ? $"{HtmlEncode(type[..start])}<a href=\"../parts/{kind}.html\">{kind}</a>{HtmlEncode(type[end..])}" : HtmlEncode(type);
    }
}
