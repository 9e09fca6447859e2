using System.Text;
using System.Text.Json;
using Cresset.Cli;
using Cresset.Site.Writing;

namespace Cresset.Site.Reference;

/// <summary>Every verb with the help that it prints itself.</summary>
/// <param name="site">Where the page goes.</param>
internal sealed class CommandPage(SiteFolder site)
{
    /// <summary>Writes it.</summary>
    public void Write()
    {
        using var verbs = JsonDocument.Parse(Said("list", "verbs", "--json"));
        var body = new StringBuilder(
            "<h1>Commands</h1><p class=\"lead\">What <code>cresset VERB --help</code> prints. Exit codes: 0 done, 1 failed, 2 wrong use, 3 "
                + "a missed gate, 130 interrupted.</p>");
        var sections = new List<(string, string)>();
        foreach (var verb in verbs.RootElement.EnumerateArray())
        {
            var name = verb.GetProperty("verb").GetString()!;
            var id = name.Replace(' ', '-');
            sections.Add((id, name));
            body.Append(
                $"<h2 id=\"{id}\"><code>cresset {HtmlEncode(name)}</code></h2><div class=\"code "
                    + $"help\"><pre><code>{HtmlEncode(Said([.. name.Split(' '), "--help"]).Trim())}</code></pre></div>");
        }
        const string path = "reference/commands.html";
        site.Page(path, Layout.Html(new(path, "Commands", body.ToString()) { Tab = "reference", Sections = sections }), "reference",
            "Commands", string.Join(' ', sections.Select(s => "cresset " + s.Item2)));
    }

    private static string Said(params string[] words)
    {
        var console = Console.Out;
        using var said = new StringWriter();
        Console.SetOut(said);
        try
        {
            // The command runs on the calling thread: the task is finished when it is handed back.
            var code = CressetApp.Run(words).GetAwaiter().GetResult();
            return code == 0 ? said.ToString()
                : throw new InvalidOperationException($"cresset {string.Join(' ', words)} ended with {code}.");
        }
        finally
        {
            Console.SetOut(console);
        }
    }
}
