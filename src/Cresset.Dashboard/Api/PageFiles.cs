using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>The files of the page, embedded in the assembly, compressed once. Nothing is fetched from elsewhere.</summary>
internal sealed class PageFiles
{
    private const string Prefix = "page/";
    private const int MostRuns = 100;

    // HEAD is GET without the body, which the results leave out by themselves.
    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    // What an address needs beside the frame: modules that are else found out one after the other, and the first question of the page.
    private static readonly Dictionary<string, (string[] Modules, string Question, string? Parameter)> Needs = new()
    {
        ["/"] = ([], "/api/runs", null),
        ["/run"] = (["charts.js", "strokes.js", "run.js", "gallery.js", "plots.js", "view.js"], "/api/run", "id"),
        ["/compare"] = (["charts.js", "strokes.js", "compare.js", "gallery.js", "plots.js", "view.js"], "/api/compare", "run"),
        ["/explore"] = (["explore.js"], "/api/subjects", null),
        ["/guide"] = (["guide.js"], "", null),
    };
    private readonly Dictionary<string, PageFile> _files = [];

    /// <summary>
    /// The page's own files, and <c>page/subjects/NAME.js</c> (with guides and what else lies below <c>page/</c>) of other assemblies.
    /// </summary>
    /// <exception cref="ArgumentException">Two assemblies have a file of the same name.</exception>
    public PageFiles(IReadOnlyList<Assembly>? more = null)
    {
        foreach (var assembly in (IEnumerable<Assembly>)[typeof(PageFiles).Assembly, .. more ?? []])
        {
            foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                using var bytes = new MemoryStream();
                stream.CopyTo(bytes);
                if (!_files.TryAdd(name[Prefix.Length..], PageFile.Of(name, bytes.ToArray())))
                    throw new ArgumentException(
                        $"{assembly.GetName().Name} embeds '{name}', which is there already; give it another name.");
            }
        }
    }

    public IReadOnlyDictionary<string, PageFile> All => _files;

    public void Map(IEndpointRouteBuilder routes)
    {
        // The page reads its own address: one document for all of them.
        foreach (var address in Needs.Keys)
        {
            routes.MapMethods(address, Reading, (HttpContext context) =>
            {
                context.Response.Headers.Link = Ahead(address, context.Request.Query);
                return Send(context, _files["index.html"]);
            });
        }
        routes.MapMethods("/page/{**name}", Reading,
            (HttpContext context, string name) => _files.TryGetValue(name, out var file) ? Send(context, file)
                : Answers.Problem(404, "There is no such file."));
        routes.MapMethods("/favicon.ico", Reading, (HttpContext context) => Send(context, _files["icon.svg"]));
    }

    // The browser begins with these while it still reads the page; a question counts only when it is letter for letter the page's own.
    private static string Ahead(string address, IQueryCollection query)
    {
        var (modules, question, parameter) = Needs[address];
        var links = modules.Select(name => $"</page/{name}>; rel=modulepreload").ToList();
        if (modules.Contains("charts.js")) links.Add("</page/vendor/uplot.js>; rel=preload; as=script");
        var values = parameter is null ? [] : query[parameter].OfType<string>().Distinct().Take(MostRuns).ToList();
        // Ids as the store gives them need no escape; of others nobody knows how the page writes them.
        var isPlain = values.TrueForAll(v => v.Length > 0 && v.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'));
        if (question.Length > 0 && isPlain && (parameter is null || values.Count > 0))
        {
            var asked = parameter is null ? "" : "?" + string.Join('&', values.Select(v => $"{parameter}={v}"));
            links.Add($"<{question}{asked}>; rel=preload; as=fetch; crossorigin=anonymous");
        }
        return string.Join(", ", links);
    }

    private static IResult Send(HttpContext context, PageFile file)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-cache";
        headers.ETag = file.Tag;
        headers.Vary = "Accept-Encoding";
        if (context.Request.Headers.IfNoneMatch.ToString() == file.Tag) return Results.StatusCode(304);
        var compressed = context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (compressed) headers.ContentEncoding = "gzip";
        return Results.Bytes(compressed ? file.Compressed : file.Bytes, file.Type);
    }
}

/// <summary>One file of the page.</summary>
internal sealed record PageFile(byte[] Bytes, byte[] Compressed, string Type, string Tag)
{
    public static PageFile Of(string name, byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true)) gzip.Write(bytes);
        var type = Path.GetExtension(name) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".svg" => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        return new(bytes, packed.ToArray(), type, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]}\"");
    }
}
