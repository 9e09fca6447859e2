using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>What the site is made of: its lists name what is there, and what it takes from others is as they published it.</summary>
public sealed partial class SiteSourceTests
{
    private static readonly string Site = Path.Combine(Repository.Root, "site");

    [Theory]
    [InlineData("gallery.yaml")]
    [InlineData("updates.yaml")]
    public void PicturesAreThere(string list)
    {
        var pictures = Picture().Matches(File.ReadAllText(Path.Combine(Site, list))).Select(m => m.Groups[1].Value).ToList();
        Assert.True(pictures.Count > 10, $"{list} names {pictures.Count} pictures.");
        Assert.All(pictures,
            p => Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", "images", p)), $"{list}: docs/images/{p} is not there."));
    }

    [Fact]
    public void TheGalleryNamesRecipes()
    {
        var recipes = Directory.EnumerateFiles(Path.Combine(Repository.Root, "recipes"), "*.yaml")
            .Select(f => Path.GetFileNameWithoutExtension(f)).ToHashSet();
        Assert.All(Entry().Matches(File.ReadAllText(Path.Combine(Site, "gallery.yaml"))), m => Assert.Contains(m.Groups[1].Value, recipes));
    }

    [Fact]
    public void PagesByPersonLeadSomewhere()
    {
        // Pages that the program makes without a source of their own.
        string[] made = ["gallery.md", "reference.md", "guides.md", "articles.md", "api.md"];
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Site, "pages"), "*.md"))
        {
            var wrong = Documents.Links(File.ReadAllText(file).ReplaceLineEndings("\n")).Select(l => l.Target)
                .Where(t => !made.Contains(t) && !File.Exists(Path.Combine(Site, "pages", t.Split('#')[0]))).ToList();
            Assert.True(wrong.Count == 0, $"{file} links to what is not there: {string.Join(", ", wrong)}");
        }
    }

    [Fact]
    public void KatexIsAsPublished()
    {
        // KaTeX 0.19.1 of the npm registry: dist/katex.min.js and dist/katex.min.css, byte for byte.
        Assert.Equal("fa140498b8cfc8302cbe5e7cb1bdbc1f952bc38b3fa258ede09e73edbf9a74bc", Hash("katex.min.js"));
        Assert.Equal("00e0b094171b07f58422075f469b4feac2b2f7bce1aeec943c08da4d697f4dcf", Hash("katex.min.css"));
        Assert.Contains("MIT", File.ReadAllText(Path.Combine(Site, "vendor", "katex", "LICENSE")), StringComparison.Ordinal);
    }

    private static string Hash(string name) =>
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Site, "vendor", "katex", name))));

    [GeneratedRegex(@"picture: ([\w.-]+)")]
    private static partial Regex Picture();

    [GeneratedRegex(@"^([\w-]+): \{", RegexOptions.Multiline)]
    private static partial Regex Entry();
}
