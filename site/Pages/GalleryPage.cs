using System.Text;
using Cresset.Recipes;
using Cresset.Site.Writing;

namespace Cresset.Site.Pages;

/// <summary>All recipes by subject, with the pictures and figures of those whose runs the guides show.</summary>
/// <param name="site">Where it goes.</param>
/// <param name="recipes">The recipes.</param>
/// <param name="shown">Pictures and figures by recipe.</param>
internal sealed class GalleryPage(SiteFolder site, RecipeCatalog recipes, IReadOnlyDictionary<string, Shown> shown)
{
    /// <summary>Writes it.</summary>
    public void Write()
    {
        foreach (var name in shown.Keys.Except(RecipeCatalog.Names))
            throw new FormatException($"site/gallery.yaml names '{name}', which is not a recipe.");
        var groups = RecipeCatalog.Names.Select(recipes.Find).GroupBy(r => r.Subject).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        var body = new StringBuilder(
            $"<h1>Gallery of recipes</h1><p class=\"lead\">{RecipeCatalog.Names.Count} recipes, each one command. Pictures and figures are "
                + $"those of runs that the guides describe; " +
            "a recipe without them is not described there yet.</p>");
        foreach (var group in groups)
        {
            body.Append($"<h2 id=\"{Id(group.Key)}\">{HtmlEncode(group.Key)}</h2><ul class=\"gallery\">");
            foreach (var recipe in group.OrderByDescending(
                r => shown.TryGetValue(r.Name, out var run) ? run.Picture.Length > 0 ? 2 : 1 : 0)) body.Append(Entry(recipe));
            body.Append("</ul>");
        }
        site.Page("gallery.html",
            Layout.Html(
                new("gallery.html", "Gallery of recipes", body.ToString())
                {
                    Tab = "gallery",
                    Sections = [.. groups.Select(g => (Id(g.Key), g.Key))]
                }), "gallery", "Gallery of recipes",
            string.Join(' ', RecipeCatalog.Names));
    }

    private string Entry(Recipe recipe)
    {
        var picture = "";
        var figures = "";
        if (shown.TryGetValue(recipe.Name, out var run))
        {
            if (run.Picture.Length > 0)
            {
                site.Copy(Path.Combine(site.Root, "docs", "images", run.Picture), $"images/{run.Picture}");
                picture = $"<a href=\"images/{HtmlEncode(run.Picture)}\"><img src=\"images/{HtmlEncode(run.Picture)}\" "
                    + $"alt=\"{HtmlEncode(recipe.Summary)}\" loading=\"lazy\"></a>";
            }
            var guide = run.Guide.Length > 0 ? $" <a href=\"{HtmlEncode(run.Guide)}\">Guide</a>" : "";
            figures = $"<p class=\"figures\">{HtmlEncode(run.Figures)}{guide}</p>";
        }
        return $"<li id=\"{HtmlEncode(recipe.Name)}\">{picture}<h3><a "
            + $"href=\"reference/recipes/{HtmlEncode(recipe.Name)}.html\">{HtmlEncode(recipe.Name)}</a></h3>" +
            $"<p>{HtmlEncode(recipe.Summary)}</p>{figures}<div class=\"code\"><pre><code>cresset train "
            + $"{HtmlEncode(recipe.Name)}</code></pre></div></li>";
    }

    private static string Id(string subject) => new([.. subject.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
}
