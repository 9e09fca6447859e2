using System.Text;
using Cresset.Recipes;
using Cresset.Site.Pages;
using Cresset.Site.Writing;

namespace Cresset.Site.Reference;

/// <summary>Every recipe: its text, its picture, and all keys that an override can set.</summary>
/// <param name="site">Where the pages go.</param>
/// <param name="recipes">The recipes.</param>
/// <param name="shown">Pictures and figures by recipe.</param>
internal sealed class RecipePages(SiteFolder site, RecipeCatalog recipes, IReadOnlyDictionary<string, Shown> shown)
{
    /// <summary>Writes a page for each and their list.</summary>
    public void Write()
    {
        var all = RecipeCatalog.Names.Select(recipes.Find).ToList();
        var groups = all.GroupBy(r => r.Subject).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        var side =
            groups.SelectMany(g => g.Select(r => new SideLink(r.Name, $"reference/recipes/{r.Name}.html")).Prepend(new SideLink(g.Key)))
                .Prepend(new SideLink("Overview", "reference/index.html")).ToList();
        foreach (var recipe in all) Write(recipe, side);
        var body = new StringBuilder(
            "<h1>Recipes</h1><p class=\"lead\">A recipe is a YAML file that names a job and fills its options. <code>cresset train NAME "
                + "key=value</code> runs it with settings of yours.</p>");
        foreach (var group in groups)
        {
            body.Append($"<h2>{HtmlEncode(group.Key)}</h2><div class=\"table\"><table><tbody>");
            foreach (var recipe in group)
                body.Append(
                    $"<tr><td><a href=\"recipes/{recipe.Name}.html\">{recipe.Name}</a></td><td>{HtmlEncode(recipe.Summary)}</td></tr>");
            body.Append("</tbody></table></div>");
        }
        site.Page("reference/recipes.html",
            Layout.Html(
                new("reference/recipes.html", "Recipes", body.ToString())
                {
                    Tab = "reference",
                    Side = PartPages.Side(recipes.Parts.Kinds.Order(StringComparer.Ordinal))
                }), "reference", "Recipes", "");
    }

    private void Write(Recipe recipe, List<SideLink> side)
    {
        var body = new StringBuilder(
            $"<h1>{HtmlEncode(recipe.Name)}</h1><p class=\"lead\">{HtmlEncode(recipe.Summary)}</p><div class=\"code\"><pre><code>cresset "
                + $"train {HtmlEncode(recipe.Name)}</code></pre></div>");
        if (shown.TryGetValue(recipe.Name, out var run))
        {
            if (run.Picture.Length > 0)
                body.Append(
                    $"<p><img src=\"../../images/{HtmlEncode(run.Picture)}\" alt=\"{HtmlEncode(recipe.Summary)}\" loading=\"lazy\"></p>");
            body.Append($"<p class=\"figures\">{HtmlEncode(run.Figures)}</p>");
            if (run.Guide.Length > 0) body.Append($"<p><a href=\"../../{HtmlEncode(run.Guide)}\">Guide</a></p>");
        }
        body.Append(
            $"<h2 id=\"yaml\">The recipe</h2><div "
                + $"class=\"code\"><pre><code>{CodeColors.Html(recipe.Yaml.Trim(), "yaml")}</code></pre></div>" +
            $"<p>Job: <a href=\"../parts/job.html#{HtmlEncode(recipe.Job.Name)}\">{HtmlEncode(recipe.Job.Name)}</a>. The values below are "
            + $"those of this recipe.</p>");
        var sections = recipe.ResolveForHelp();
        foreach (var (section, record) in sections)
        {
            body.Append($"<h2 id=\"{HtmlEncode(section)}\"><code>{HtmlEncode(section)}</code></h2>")
                .Append(PartPages.Table(new OptionFacts(recipes.Parts, record).All, recipes.Parts));
        }
        var path = $"reference/recipes/{recipe.Name}.html";
        site.Page(path,
            Layout.Html(
                new(path, recipe.Name, body.ToString())
                {
                    Tab = "reference",
                    Side = side,
                    Sections = [("yaml", "The recipe"), .. sections.Keys.Select(s => (s, s))],
                    Description = recipe.Summary
                }),
            "recipe", recipe.Name, recipe.Summary);
    }
}
