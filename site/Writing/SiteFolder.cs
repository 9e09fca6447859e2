using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cresset.Site.Writing;

/// <summary>The folder that the site is written into, with the index of its search.</summary>
/// <param name="root">The repository.</param>
/// <param name="folder">The folder; what an earlier build left there is removed.</param>
internal sealed partial class SiteFolder(string root, string folder)
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly List<string[]> _search = [];
    private readonly Dictionary<string, int> _sections = [];
    private readonly HashSet<string> _written = [];

    /// <summary>The repository.</summary>
    public string Root => root;

    /// <summary>What was written, in one line.</summary>
    public string Summary =>
        $"{_written.Count(w => w.EndsWith(".html", StringComparison.Ordinal))} pages "
            + $"({string.Join(", ", _sections.Select(s => $"{s.Value} {s.Key}"))})";

    /// <summary>Empties the folder and copies what pages share.</summary>
    public void Begin()
    {
        if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, "assets", "site.css"))
            && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new IOException($"{folder} holds other things than a site: name an empty folder.");
        }
        if (Directory.Exists(folder)) Directory.Delete(folder, true);
        CopyFolder(Path.Combine(root, "site", "assets"), "assets");
        CopyFolder(Path.Combine(root, "site", "vendor", "katex", "fonts"), "assets/katex/fonts");
        // Browsers that read woff2 are all there are: the older formats are not shipped, so their lines go.
        var css = File.ReadAllText(Path.Combine(root, "site", "vendor", "katex", "katex.min.css"));
        Write("assets/katex/katex.min.css", FontFallbacks().Replace(css, ""));
    }

    /// <summary>Writes a page and puts it into the search.</summary>
    /// <param name="path">Its place, such as <c>guides/flows.html</c>.</param>
    /// <param name="html">The whole page.</param>
    /// <param name="section">What kind of page it is, as results show it.</param>
    /// <param name="title">Its title.</param>
    /// <param name="text">What is searched beside the title.</param>
    public void Page(string path, string html, string section, string title, string text)
    {
        Write(path, html);
        _sections[section] = _sections.GetValueOrDefault(section) + 1;
        _search.Add([path, section, title, text]);
    }

    /// <summary>A file of any kind.</summary>
    public void Write(string path, string text)
    {
        if (!_written.Add(path)) throw new InvalidOperationException($"two pages want the place {path}.");
        var file = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, new UTF8Encoding(false));
    }

    /// <summary>Copies a file of the repository once.</summary>
    public void Copy(string source, string path)
    {
        if (!_written.Add(path)) return;
        var file = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Copy(source, file);
    }

    /// <summary>Writes the search: a script, since a page that is opened from a folder may not fetch.</summary>
    public void End() => Write("assets/search-index.js", $"window.cressetIndex={JsonSerializer.Serialize(_search, Json)};");

    private void CopyFolder(string source, string path)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            Copy(file, $"{path}/{Path.GetRelativePath(source, file).Replace('\\', '/')}");
        }
    }

    [System.Text.RegularExpressions.GeneratedRegex(@",url\(fonts/[\w-]+\.(woff|ttf)\) format\(""\w+""\)")]
    private static partial System.Text.RegularExpressions.Regex FontFallbacks();
}
