using System.Text;
using Cresset.Site.Writing;

namespace Cresset.Site.Pages;

/// <summary>Guides (docs), articles in both languages, and the pages by person.</summary>
/// <param name="site">Where they go.</param>
/// <param name="markdown">How they are rendered.</param>
internal sealed class GuidePages(SiteFolder site, MarkdownPages markdown)
{
    private static readonly (string Heading, string[] Names)[] Groups =
    [
        ("From data to a model", ["own-data", "training", "runs", "dashboard", "dashboard-pages", "parts", "own-task", "serving"]),
        ("Subjects",
            ["activations", "losses", "upsampling", "optimization", "stochastic-approximation", "flows", "vq-vae", "stable-diffusion-3",
                "reinforcement-learning", "detection", "language"]),
        ("Around it", ["packages", "weights", "onnx", "scale-out", "torchsharp"]),
    ];

    private static readonly string[] Persons = ["vision", "learner", "trainer", "rl", "python"];

    /// <summary>Writes them all.</summary>
    public void Write()
    {
        var guides = Sources("docs");
        var english = Sources("docs/articles");
        var chinese = Sources("docs/articles/zh");
        foreach (var name in guides) markdown.Register($"docs/{name}.md", $"guides/{name}.html");
        foreach (var name in english) markdown.Register($"docs/articles/{name}.md", $"articles/{name}.html");
        foreach (var name in chinese) markdown.Register($"docs/articles/zh/{name}.md", $"zh/articles/{name}.html");
        foreach (var name in Persons.Append("index")) markdown.Register($"site/pages/{name}.md", $"start/{name}.html");
        // Guides may name what is made without a source file of its own.
        foreach (var (source, path) in new[] { ("site/pages/gallery.md", "gallery.html"),
            ("site/pages/reference.md", "reference/index.html"), ("site/pages/guides.md", "guides/index.html"),
            ("site/pages/articles.md", "articles/index.html"), ("site/pages/api.md", "api/index.html") }) markdown.Register(source, path);
        WriteGuides(guides);
        WriteArticles("articles", "docs/articles", english, chinese, "en");
        WriteArticles("zh/articles", "docs/articles/zh", chinese, english, "zh");
        WritePersons();
    }

    private List<string> Sources(string folder)
    {
        var full = Path.Combine(site.Root, folder);
        return Directory.Exists(full)
            ? [.. Directory.EnumerateFiles(full, "*.md").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)]
            : [];
    }

    private void WriteGuides(List<string> names)
    {
        var grouped = Groups.Select(g => (g.Heading, Names: g.Names.Where(names.Contains).ToList())).ToList();
        var rest = names.Except(Groups.SelectMany(g => g.Names)).ToList();
        if (rest.Count > 0) grouped.Add(("More", rest));
        var pages = names.ToDictionary(n => n, n => markdown.Render($"docs/{n}.md", $"guides/{n}.html"));
        var side =
            grouped.SelectMany(g => g.Names.Select(n => new SideLink(pages[n].Title, $"guides/{n}.html")).Prepend(new SideLink(g.Heading)))
                .ToList();
        foreach (var (name, page) in pages) Put($"guides/{name}.html", page, "guides", "guide", side);
        var body = new StringBuilder(
            "<h1>Guides</h1><p class=\"lead\">What every part does and how it is told to. Their pictures were made by the commands they "
                + "show, their C# is compiled and run.</p>");
        foreach (var (heading, inside) in grouped)
        {
            body.Append($"<h2>{HtmlEncode(heading)}</h2><ul class=\"cards\">");
            foreach (var name in inside) body.Append(Card($"{name}.html", pages[name], "guides/index.html"));
            body.Append("</ul>");
        }
        site.Page("guides/index.html", Layout.Html(new("guides/index.html", "Guides", body.ToString()) { Tab = "guides", Side = side }),
            "guide", "Guides", "");
    }

    private void WriteArticles(string folder, string source, List<string> names, List<string> others, string language)
    {
        var chinese = language == "zh";
        var pages = names.Select(n => (Name: n, Page: markdown.Render($"{source}/{n}.md", $"{folder}/{n}.html"))).ToList();
        var side = pages.Select(p => new SideLink(p.Page.Title, $"{folder}/{p.Name}.html"))
            .Prepend(new SideLink(chinese ? "十二篇文章" : "Twelve subjects")).ToList();
        var otherFolder = chinese ? "articles" : "zh/articles";
        for (var i = 0; i < pages.Count; i++)
        {
            var (name, page) = pages[i];
            var next = i + 1 < pages.Count
                ? $"<p class=\"next\"><a "
                    + $"href=\"{pages[i + 1].Name}.html\">{(chinese ? "下一篇：" : "Next: ")}{HtmlEncode(pages[i + 1].Page.Title)}</a></p>"
                    : "";
            var other = others.Contains(name) ? $"{otherFolder}/{name}.html" : "";
            Put($"{folder}/{name}.html", page with { Body = page.Body + next }, "articles", chinese ? "文章" : "article", side, language,
                other);
        }
        var body = new StringBuilder(chinese
            ? "<h1>十二篇文章</h1><p class=\"lead\">每篇讲一个想法：公式、用本项目代码画出的图，以及在自己机器上重现它的命令。</p><ul class=\"cards\">"
            : "<h1>Twelve subjects</h1><p class=\"lead\">Each article explains one idea: the formulas, a picture that this project's code "
                + "drew, and the command that draws it on your machine.</p><ul class=\"cards\">");
        foreach (var (name, page) in pages) body.Append(Card($"{name}.html", page, $"{folder}/index.html"));
        body.Append("</ul>");
        site.Page($"{folder}/index.html",
            Layout.Html(
                new($"{folder}/index.html", chinese ? "文章" : "Articles", body.ToString())
                {
                    Tab = "articles",
                    Side = side,
                    Language = language,
                    Other = $"{otherFolder}/index.html"
                }),
            chinese ? "文章" : "article", chinese ? "十二篇文章" : "Twelve subjects", "");
    }

    private void WritePersons()
    {
        var pages = Persons.Prepend("index").ToDictionary(n => n, n => markdown.Render($"site/pages/{n}.md", $"start/{n}.html"));
        var side = pages.Select(p => new SideLink(p.Value.Title, $"start/{p.Key}.html")).ToList();
        foreach (var (name, page) in pages) Put($"start/{name}.html", page, "start", "start", side);
    }

    private void Put(string path, Rendered page, string tab, string section, List<SideLink> side, string language = "en", string other = "")
        => site.Page(path,
            Layout.Html(
                new(path, page.Title, page.Body)
                {
                    Tab = tab,
                    Side = side,
                    Sections = page.Sections,
                    Description = page.Lead,
                    Language = language,
                    Other = other
                }), section, page.Title, page.Text);

    private static string Card(string href, Rendered page, string from)
    {
        var picture = page.Picture.Length > 0 ? $"<img src=\"{HtmlEncode(Layout.Href(from, page.Picture))}\" alt=\"\" loading=\"lazy\">"
            : "";
        return $"<li><a "
            + $"href=\"{HtmlEncode(href)}\">{picture}<b>{HtmlEncode(page.Title)}</b><span>{HtmlEncode(Short(page.Lead))}</span></a></li>";
    }

    private static string Short(string text) =>
        text.Length <= 170 ? text : text[..(text.LastIndexOf(' ', 165) is > 60 and var space ? space : 165)] + " …";
}
