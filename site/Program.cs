using System.Diagnostics;
using Cresset.Recipes;
using Cresset.Site.Pages;
using Cresset.Site.Reference;
using Cresset.Site.Writing;

// dotnet run -c Release --project site [-- OUTPUT [ADDRESS]]: the whole site into artifacts/site; exits with 1 when a link leads nowhere.
try
{
    var clock = Stopwatch.StartNew();
    var root = Repository.Find(AppContext.BaseDirectory);
    var folder = Path.GetFullPath(args.Length > 0 ? args[0] : Path.Combine(root, "artifacts", "site"));
    var address = args.Length > 1 ? args[1].TrimEnd('/') + '/' : "";
    var site = new SiteFolder(root, folder);
    var formulas = new Formulas(Path.Combine(root, "site", "vendor", "katex"));
    var recipes = new RecipeCatalog();

    site.Begin();
    var markdown = new MarkdownPages(site, formulas);
    var updates = UpdateList.Read(Path.Combine(root, "site", "updates.yaml"));
    var gallery = GalleryList.Read(Path.Combine(root, "site", "gallery.yaml"));
    new LandingPages(site, markdown, updates).Write();
    new GuidePages(site, markdown).Write();
    new GalleryPage(site, recipes, gallery).Write();
    new UpdatePages(site, updates, address).Write();
    new PartPages(site, recipes.Parts).Write();
    new RecipePages(site, recipes, gallery).Write();
    new CommandPage(site).Write();
    new ApiPages(site, AppContext.BaseDirectory, recipes.Parts).Write();
    markdown.WriteLinkedFiles();
    site.End();

    var broken = LinkCheck.Of(folder);
    foreach (var line in broken) Console.Error.WriteLine(line);
    Console.WriteLine($"{site.Summary} in {clock.Elapsed.TotalSeconds:0.0} s: {Path.Combine(folder, "index.html")}");
    if (broken.Count > 0) Console.Error.WriteLine($"{broken.Count} links lead nowhere.");
    return broken.Count > 0 ? 1 : 0;
}
catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException or YamlDotNet.Core.YamlException)
{
    // A source that is wrong, or a folder that is not the site's: said in one line.
    Console.Error.WriteLine($"site: {e.Message}");
    return 1;
}
