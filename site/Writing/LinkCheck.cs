using System.Text.RegularExpressions;

namespace Cresset.Site.Writing;

/// <summary>Follows every link of a built site: files, anchors, and nothing outside it.</summary>
internal static partial class LinkCheck
{
    /// <summary>The links that lead nowhere, and those that would make a browser ask another machine, a line each.</summary>
    public static IReadOnlyList<string> Of(string folder)
    {
        var pages = Directory.EnumerateFiles(folder, "*.html", SearchOption.AllDirectories).ToDictionary(f => f, File.ReadAllText);
        var anchors = pages.ToDictionary(p => p.Key, p => Ids().Matches(p.Value).Select(m => HtmlDecode(m.Groups[1].Value)).ToHashSet());
        var found = new List<string>();
        var files = new Dictionary<string, bool>();
        foreach (var (file, html) in pages)
        {
            foreach (Match link in Links().Matches(html))
            {
                var (kind, url) = (link.Groups[1].Value, HtmlDecode(link.Groups[2].Value));
                var page = Path.GetRelativePath(folder, file);
                if (url.StartsWith("data:", StringComparison.Ordinal) || url.StartsWith("mailto:", StringComparison.Ordinal)) continue;
                if (url.Contains("://", StringComparison.Ordinal) || url.StartsWith("//", StringComparison.Ordinal))
                {
                    if (kind == "src" || link.Value.Contains("stylesheet", StringComparison.Ordinal))
                        found.Add($"{page}: loads {url} from another machine");
                    continue;
                }
                var hash = url.IndexOf('#', StringComparison.Ordinal);
                var (path, anchor) = hash < 0 ? (url, "") : (url[..hash], Uri.UnescapeDataString(url[(hash + 1)..]));
                var target = path.Length == 0 ? file
                    : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, Uri.UnescapeDataString(path)));
                if (!files.TryGetValue(target, out var exists)) files[target] = exists = File.Exists(target);
                if (!exists) found.Add($"{page}: {url} leads nowhere");
                else if (anchor.Length > 0 && anchors.TryGetValue(target, out var ids) && !ids.Contains(anchor))
                    found.Add($"{page}: {url}: no such place in that page");
            }
        }
        return [.. found.Distinct()];
    }

    [GeneratedRegex("""<[a-z]+ [^>]*?\b(href|src)="([^"]*)"[^>]*>""")]
    private static partial Regex Links();

    [GeneratedRegex("\\sid=\"([^\"]+)\"")]
    private static partial Regex Ids();
}
