using System.Security;
using System.Text;
using Cresset.Site.Writing;

namespace Cresset.Site.Pages;

/// <summary>"Latest updates" and the same as an RSS feed.</summary>
/// <param name="site">Where they go.</param>
/// <param name="updates">The news.</param>
/// <param name="address">Where the site will stand, ending in a slash; empty while that is not known.</param>
internal sealed class UpdatePages(SiteFolder site, UpdateList updates, string address)
{
    /// <summary>Writes both.</summary>
    public void Write()
    {
        foreach (var item in updates.Items) site.Copy(Path.Combine(site.Root, "docs", "images", item.Picture), $"images/{item.Picture}");
        var body = new StringBuilder(
            "<h1>Latest updates</h1><p class=\"lead\">Articles, recipes and releases, the newest first. Also as <a href=\"feed.xml\">RSS "
                + "feed</a>.</p>");
        foreach (var day in updates.Items.GroupBy(i => i.Day))
        {
            body.Append(
                $"<h2 id=\"{day.Key:yyyy-MM-dd}\"><time "
                    + $"datetime=\"{day.Key:yyyy-MM-dd}\">{day.Key.ToString("d MMMM yyyy", CultureInfo.InvariantCulture)}</time></h2><ul "
                    + $"class=\"news\">");
            foreach (var item in day) body.Append(Entry(item, "updates.html"));
            body.Append("</ul>");
        }
        var sections = updates.Items.Select(i => i.Day).Distinct()
            .Select(d => ($"{d:yyyy-MM-dd}", d.ToString("d MMMM yyyy", CultureInfo.InvariantCulture))).ToList();
        site.Page("updates.html",
            Layout.Html(new("updates.html", "Latest updates", body.ToString()) { Tab = "updates", Sections = sections }), "update",
            "Latest updates",
            string.Join(' ', updates.Items.Select(i => $"{i.Title} {i.Summary}")));
        site.Write("feed.xml", Feed());
    }

    /// <summary>One piece of news as an entry of a list.</summary>
    public static string Entry(Update item, string from)
        => $"<li><a href=\"{HtmlEncode(Layout.Href(from, item.Link))}\"><img "
            + $"src=\"{HtmlEncode(Layout.Href(from, $"images/{item.Picture}"))}\" alt=\"\" loading=\"lazy\">" +
            $"<div><small><time datetime=\"{item.Date}\">{item.Day.ToString("d MMM yyyy", CultureInfo.InvariantCulture)}</time> · "
            + $"{HtmlEncode(item.Kind)}</small>" +
            $"<b>{HtmlEncode(item.Title)}</b><span>{HtmlEncode(item.Summary)}</span></div></a></li>";

    // Readers of feeds want whole addresses. Without one the links are relative to the feed's own place, as xml:base says.
    private string Feed()
    {
        var xmlBase = address.Length == 0 ? " xml:base=\".\"" : "";
        var text = new StringBuilder(
            $"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"{xmlBase} "
                + $"xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel>\n" +
            $"<title>Cresset: latest updates</title><link>{Xml(address)}index.html</link><description>Articles, recipes and releases of "
            + $"Cresset.</description><language>en</language>\n" +
            $"<atom:link href=\"{Xml(address)}feed.xml\" rel=\"self\" type=\"application/rss+xml\"/>\n");
        foreach (var item in updates.Items)
        {
            var date = new DateTimeOffset(item.Day, TimeOnly.MinValue, TimeSpan.Zero).ToString("r", CultureInfo.InvariantCulture);
            text.Append(
                $"<item><title>{Xml(item.Title)}</title><link>{Xml(address + item.Link)}</link><guid "
                    + $"isPermaLink=\"false\">cresset:{Xml(item.Link)}</guid><pubDate>{date}</pubDate>" +
                $"<category>{Xml(item.Kind)}</category><description>"
                + $"{Xml($"<p><img src=\"{address}images/{item.Picture}\" alt=\"\"></p><p>{HtmlEncode(item.Summary)}</p>")}"
                + $"</description></item>\n");
        }
        return text.Append("</channel></rss>\n").ToString();
    }

    private static string Xml(string text) => SecurityElement.Escape(text);
}
