using System.Text.RegularExpressions;
using Cresset.Site.Writing;

namespace Cresset.Site.Pages;

/// <summary>The first page in both languages: <c>site/pages/landing.*.html</c> with the newest updates filled in.</summary>
/// <param name="site">Where they go.</param>
/// <param name="markdown">Copies the pictures.</param>
/// <param name="updates">The news.</param>
internal sealed partial class LandingPages(SiteFolder site, MarkdownPages markdown, UpdateList updates)
{
    /// <summary>Writes them.</summary>
    public void Write()
    {
        Write("index.html", "en", "zh/index.html",
            "Deep learning and reinforcement learning for .NET, from the formula to the trained model. No Python anywhere.");
        Write("zh/index.html", "zh", "index.html", ".NET 上的深度学习与强化学习：从公式到训练好的模型，全程不需要 Python。");
    }

    private void Write(string path, string language, string other, string description)
    {
        var body = File.ReadAllText(Path.Combine(site.Root, "site", "pages", $"landing.{language}.html"));
        body = body.Replace("{updates}",
            string.Concat(updates.Items.Take(4).Select(i => UpdatePages.Entry(language == "zh" ? i.InChinese() : i, path))),
            StringComparison.Ordinal);
        foreach (Match picture in Pictures().Matches(body)) markdown.Picture($"docs/images/{picture.Groups[1].Value}");
        site.Page(path,
            Layout.Html(new(path, "Cresset", body) { Wide = true, Description = description, Language = language, Other = other }), "start",
            "Cresset", description);
    }

    [GeneratedRegex(@"images/([\w.-]+\.(?:png|gif|svg))")]
    private static partial Regex Pictures();
}
