using System.Text;

namespace Cresset.Site.Writing;

/// <summary>One page before it is a whole document.</summary>
/// <param name="Path">Its place in the site.</param>
/// <param name="Title">Its title.</param>
/// <param name="Body">The HTML of its article.</param>
internal sealed record PageContent(string Path, string Title, string Body)
{
    /// <summary>Which entry of the head is marked.</summary>
    public string Tab { get; init; } = "";

    /// <summary>The list at its left; empty for none.</summary>
    public IReadOnlyList<SideLink> Side { get; init; } = [];

    /// <summary>Its sections, for the list at its right.</summary>
    public IReadOnlyList<(string Id, string Text)> Sections { get; init; } = [];

    /// <summary>One sentence for search engines and feeds.</summary>
    public string Description { get; init; } = "";

    /// <summary>"en" or "zh".</summary>
    public string Language { get; init; } = "en";

    /// <summary>The same page in the other language; empty where there is none.</summary>
    public string Other { get; init; } = "";

    /// <summary>True for the first page, which is as wide as the window.</summary>
    public bool Wide { get; init; }
}

/// <summary>An entry of the list at the left; a heading where it has no place.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Path">Where it leads.</param>
internal sealed record SideLink(string Text, string Path = "");

/// <summary>Head, lists and foot around an article.</summary>
internal static class Layout
{
    private static readonly (string Tab, string English, string Chinese, string Path)[] Tabs =
    [
        ("start", "Start", "开始", "start/index.html"),
        ("guides", "Guides", "指南", "guides/index.html"),
        ("articles", "Articles", "文章", "articles/index.html"),
        ("gallery", "Gallery", "图库", "gallery.html"),
        ("reference", "Reference", "参考", "reference/index.html"),
        ("api", "API", "API", "api/index.html"),
        ("updates", "Latest updates", "最新动态", "updates.html"),
    ];

    /// <summary>The way from one page to another.</summary>
    public static string Href(string from, string to)
    {
        var hash = to.IndexOf('#', StringComparison.Ordinal);
        var (path, anchor) = hash < 0 ? (to, "") : (to[..hash], to[hash..]);
        if (path.Length == 0 || path == from) return anchor.Length > 0 ? anchor : from.Split('/')[^1];
        var a = from.Split('/');
        var b = path.Split('/');
        var common = 0;
        while (common < a.Length - 1 && common < b.Length - 1 && a[common] == b[common]) common++;
        return string.Concat(Enumerable.Repeat("../", a.Length - 1 - common)) + string.Join('/', b[common..]) + anchor;
    }

    /// <summary>The whole document.</summary>
    public static string Html(PageContent page)
    {
        string To(string path) => HtmlEncode(Href(page.Path, path));
        var chinese = page.Language == "zh";
        var (home, search, theme) = chinese ? ("zh/index.html", "搜索", "切换明暗") : ("index.html", "Search", "Light or dark");
        var other = page.Other.Length > 0 ? page.Other : chinese ? "index.html" : "zh/index.html";
        var formulas = page.Body.Contains("class=\"katex", StringComparison.Ordinal)
            ? $"<link rel=\"stylesheet\" href=\"{To("assets/katex/katex.min.css")}\">"
            : "";
        var html = new StringBuilder();
        html.Append($"""
            <!doctype html>
            <html lang="{(chinese ? "zh-Hans" : "en")}">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{HtmlEncode(page.Title == "Cresset" ? "Cresset" : $"{page.Title} · Cresset")}</title>
            {(page.Description.Length == 0 ? "" : $"<meta name=\"description\" content=\"{HtmlEncode(page.Description)}\">")}
            <link rel="icon" href="{To("assets/icon.svg")}" type="image/svg+xml">
            <link rel="alternate" type="application/rss+xml" title="Cresset" href="{To("feed.xml")}">
            {formulas}
            <link rel="stylesheet" href="{To("assets/site.css")}">
            <script src="{To("assets/site.js")}" data-root="{Root(page.Path)}"></script>
            </head>
            <body{(page.Wide ? " class=\"wide\"" : "")}>
            <a class="skip" href="#content">{(chinese ? "跳到正文" : "Skip to the text")}</a>
            <header class="top">
            <a class="brand" href="{To(home)}"><img src="{To("assets/icon.svg")}" alt="" width="26" height="26">Cresset</a>
            <nav class="tabs" aria-label="{(chinese ? "主菜单" : "Main")}">
            """);
        foreach (var (tab, english, text, path) in Tabs)
        {
            var place = chinese && tab == "articles" ? "zh/articles/index.html" : path;
            html.Append($"<a href=\"{To(place)}\"{(tab == page.Tab ? " aria-current=\"true\"" : "")}>{(chinese ? text : english)}</a>");
        }
        html.Append($"""
            </nav>
            <div class="tools">
            <input id="search" type="search" placeholder="{search}" aria-label="{search}" autocomplete="off">
            <a class="language" href="{To(other)}" hreflang="{(chinese ? "en" : "zh-Hans")}">{(chinese ? "EN" : "中文")}</a>
            <button id="theme" type="button" aria-label="{theme}" title="{theme}"></button>
            </div>
            <div id="results" hidden></div>
            </header>
            <div class="{(page.Wide ? "page-wide" : page.Side.Count > 0 ? "page" : "page no-side")}">
            """);
        if (page.Side.Count > 0)
        {
            html.Append(
                $"<nav class=\"side\" aria-label=\"{(chinese ? "本栏目" : "In this part")}\"><details class=\"side-fold\" "
                    + $"open><summary>{(chinese ? "本栏目" : "In this part")}</summary><ul>");
            foreach (var link in page.Side)
            {
                html.Append(link.Path.Length == 0 ? $"<li class=\"heading\">{HtmlEncode(link.Text)}</li>"
                    : $"<li><a href=\"{To(link.Path)}\"{(link.Path == page.Path ? " aria-current=\"page\"" : "")}>{HtmlEncode(link.Text)}"
                        + $"</a></li>");
            }
            html.Append("</ul></details></nav>");
        }
        html.Append("<main id=\"content\">").Append(page.Body).Append("</main>");
        if (page.Sections.Count > 1)
        {
            html.Append(
                $"<nav class=\"toc\" aria-label=\"{(chinese ? "本页" : "On this page")}\"><p>{(chinese ? "本页" : "On this page")}</p><ul>");
            foreach (var (id, text) in page.Sections) html.Append($"<li><a href=\"#{HtmlEncode(id)}\">{HtmlEncode(text)}</a></li>");
            html.Append("</ul></nav>");
        }
        html.Append($"""
            </div>
            <footer><p>{(chinese ? "MIT 许可。图片与数字均由所示命令生成。" : "MIT licence. Pictures and figures were made by the commands beside them.")}
            <a href="{To("feed.xml")}">RSS</a> · <a href="{To("updates.html")}">{(chinese ? "最新动态" : "Latest updates")}</a></p></footer>
            </body>
            </html>

            """);
        return html.ToString();
    }

    private static string Root(string path) => string.Concat(Enumerable.Repeat("../", path.Count(c => c == '/')));
}
