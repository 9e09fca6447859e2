using System.Text.RegularExpressions;
using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Extensions.Mathematics;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Cresset.Site.Writing;

/// <summary>A Markdown file as HTML.</summary>
/// <param name="Title">Its first heading.</param>
/// <param name="Body">The HTML.</param>
/// <param name="Sections">Its second-level headings.</param>
/// <param name="Lead">Its first paragraph as plain text.</param>
/// <param name="Picture">The place of its first picture in the site; empty without one.</param>
/// <param name="Text">What is searched.</param>
internal sealed record Rendered(string Title, string Body, IReadOnlyList<(string Id, string Text)> Sections, string Lead, string Picture,
    string Text);

/// <summary>Markdown of the repository into pages. What it links to comes along: pictures are copied, source files become pages.</summary>
internal sealed partial class MarkdownPages
{
    private readonly SiteFolder _site;
    private readonly MarkdownPipeline _pipeline;
    private readonly Formulas _formulas;
    private readonly Dictionary<string, string> _places = new()
    {
        ["docs"] = "guides/index.html",
        ["README.md"] = "index.html",
        ["README.zh-CN.md"] = "zh/index.html"
    };
    private readonly Queue<string> _linked = [];

    public MarkdownPages(SiteFolder site, Formulas formulas)
    {
        (_site, _formulas) = (site, formulas);
        _pipeline = new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).UseMathematics()
            .UseAutoLinks().Build();
    }

    /// <summary>Says where the page of a source file will be.</summary>
    public void Register(string source, string path) => _places[source] = path;

    /// <summary>Renders a file of the repository for a place in the site.</summary>
    public Rendered Render(string source, string path)
    {
        var text = File.ReadAllText(Path.Combine(_site.Root, source)).ReplaceLineEndings("\n");
        var document = Markdown.Parse(text, _pipeline);
        var picture = "";
        foreach (var link in document.Descendants<LinkInline>())
        {
            if (link.Url is not { Length: > 0 } url || url.Contains("://", StringComparison.Ordinal)
                || url.StartsWith("mailto:", StringComparison.Ordinal)) continue;
            var target = Place(source, url, link.IsImage);
            if (link.IsImage)
            {
                if (picture.Length == 0) picture = target;
                var (width, height) = PictureSize.Of(Path.Combine(_site.Root, Target(source, url).Path));
                var attributes = link.GetAttributes();
                attributes.AddProperty("loading", "lazy");
                if (width > 0) (attributes.Properties ??= []).AddRange([new("width", $"{width}"), new("height", $"{height}")]);
            }
            link.Url = Layout.Href(path, target);
        }
        using var writer = new StringWriter();
        var renderer = new HtmlRenderer(writer);
        _pipeline.Setup(renderer);
        renderer.ObjectRenderers.Replace<CodeBlockRenderer>(new ColoredCode());
        renderer.ObjectRenderers.Replace<HtmlMathBlockRenderer>(new BlockFormula(_formulas));
        renderer.ObjectRenderers.Replace<HtmlMathInlineRenderer>(new InlineFormula(_formulas));
        renderer.Render(document);
        var body = writer.ToString().Replace("<table>", "<div class=\"table\" tabindex=\"0\"><table>", StringComparison.Ordinal)
            .Replace("</table>", "</table></div>", StringComparison.Ordinal);
        // Chinese sources write blanks around formulas, which Markdown needs; beside Chinese punctuation they are not set.
        body = BlankBeforeMark().Replace(BlankAfterMark().Replace(body, "$1"), "$1");
        var headings = document.Descendants<HeadingBlock>().ToList();
        var title = headings.FirstOrDefault(h => h.Level == 1) is { } first ? Plain(first) : Path.GetFileNameWithoutExtension(source);
        var lead = document.OfType<ParagraphBlock>().Select(Plain).FirstOrDefault(p => p.Length > 0) ?? "";
        return new(title, body, [.. headings.Where(h => h.Level == 2).Select(h => (h.GetAttributes().Id ?? "", Plain(h)))], lead, picture,
            Searchable(text));
    }

    /// <summary>Pages of all files that rendered pages link to and that have no page of their own.</summary>
    public void WriteLinkedFiles()
    {
        while (_linked.TryDequeue(out var source))
        {
            var path = _places[source];
            if (source.EndsWith(".md", StringComparison.Ordinal))
            {
                var page = Render(source, path);
                _site.Page(path, Layout.Html(new(path, page.Title, page.Body) { Sections = page.Sections }), "source", page.Title,
                    page.Text);
                continue;
            }
            var code = File.ReadAllText(Path.Combine(_site.Root, source));
            var body = $"<h1 class=\"file\">{HtmlEncode(source)}</h1><pre "
                + $"class=\"source\"><code>{CodeColors.Html(code, Path.GetExtension(source).TrimStart('.'))}</code></pre>";
            _site.Page(path, Layout.Html(new(path, source, body)), "source", source, "");
        }
    }

    /// <summary>Copies a picture of the repository and says where it lies in the site.</summary>
    public string Picture(string source)
    {
        var path = "images/" + Path.GetFileName(source);
        _site.Copy(Path.Combine(_site.Root, source), path);
        return path;
    }

    private string Place(string source, string url, bool image)
    {
        var (file, anchor) = Target(source, url);
        if (image) return Picture(file);
        if (_places.TryGetValue(file, out var known)) return known + anchor;
        if (!File.Exists(Path.Combine(_site.Root, file)))
            throw new FileNotFoundException($"{source} links to {url}: there is no such file.");
        var path = _places[file] = $"source/{file}.html";
        _linked.Enqueue(file);
        return path + anchor;
    }

    private static (string Path, string Anchor) Target(string source, string url)
    {
        var hash = url.IndexOf('#', StringComparison.Ordinal);
        var (file, anchor) = hash < 0 ? (url, "") : (url[..hash], url[hash..]);
        if (file.Length == 0) return (source, anchor);
        var full = Path.GetFullPath(Path.Combine("/", Path.GetDirectoryName(source)!, Uri.UnescapeDataString(file)));
        return (Path.GetRelativePath("/", full).Replace('\\', '/').TrimEnd('/'), anchor);
    }

    private static string Plain(LeafBlock block)
        => block.Inline is null ? "" : Spaces().Replace(string.Concat(block.Inline.Descendants().Select(i => i switch
        {
            LiteralInline literal => literal.Content.ToString(),
            CodeInline code => code.Content,
            LineBreakInline => " ",
            MathInline math => Tex(math.Content.ToString()),
            _ => "",
        })), " ").Trim();

    // Headings and summaries are plain text: a formula there keeps its letters only.
    private static string Tex(string tex) =>
        tex.Replace("\\", "", StringComparison.Ordinal).Replace("{", "", StringComparison.Ordinal)
            .Replace("}", "", StringComparison.Ordinal);

    private static string Searchable(string markdown) =>
        Spaces().Replace(Markup().Replace(Address().Replace(Display().Replace(markdown, " "), "$1"), " "), " ").Trim();

    [GeneratedRegex(@"\$\$[\s\S]*?\$\$|(?<!\w)\$[^$\n]+\$(?!\w)")]
    private static partial Regex Display();

    [GeneratedRegex(@"!?\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex Address();

    [GeneratedRegex(@"[|`*#>\\]+|-{3,}")]
    private static partial Regex Markup();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("(</span>) (?=[，。；：、）！？])")]
    private static partial Regex BlankBeforeMark();

    [GeneratedRegex("([，。；：、（]) (?=<span class=\"katex)")]
    private static partial Regex BlankAfterMark();

    private sealed class ColoredCode : HtmlObjectRenderer<CodeBlock>
    {
        protected override void Write(HtmlRenderer renderer, CodeBlock obj)
        {
            var language = (obj as FencedCodeBlock)?.Info ?? "";
            renderer.Write($"<div class=\"code\"><pre><code>{CodeColors.Html(obj.Lines.ToString(), language)}</code></pre></div>\n");
        }
    }

    private sealed class InlineFormula(Formulas formulas) : HtmlObjectRenderer<MathInline>
    {
        protected override void Write(HtmlRenderer renderer, MathInline obj) =>
            renderer.Write(formulas.Html(obj.Content.ToString(), obj.DelimiterCount > 1));
    }

    private sealed class BlockFormula(Formulas formulas) : HtmlObjectRenderer<MathBlock>
    {
        protected override void Write(HtmlRenderer renderer, MathBlock obj) =>
            renderer.Write($"<div class=\"formula\">{formulas.Html(obj.Lines.ToString(), true)}</div>\n");
    }
}
