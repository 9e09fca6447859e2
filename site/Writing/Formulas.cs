using Jint;

namespace Cresset.Site.Writing;

/// <summary>TeX to HTML while the site is built, by KaTeX itself: pages carry no script for formulas.</summary>
/// <param name="vendor">The folder with <c>katex.min.js</c>.</param>
internal sealed class Formulas(string vendor)
{
    private readonly Dictionary<(string Tex, bool Display), string> _known = [];
    private readonly Lazy<Engine> _engine = new(() => new Engine().Execute(File.ReadAllText(Path.Combine(vendor, "katex.min.js"))));

    /// <summary>The HTML of a formula.</summary>
    /// <exception cref="FormatException">KaTeX does not understand it.</exception>
    public string Html(string tex, bool display)
    {
        if (_known.TryGetValue((tex, display), out var html)) return html;
        var engine = _engine.Value;
        engine.SetValue("tex", tex).SetValue("display", display);
        try
        {
            html = engine.Evaluate("katex.renderToString(tex, {displayMode: display, throwOnError: true, strict: 'ignore'})").AsString();
        }
        catch (Jint.Runtime.JavaScriptException e)
        {
            throw new FormatException($"the formula {tex} is wrong: {e.Message}", e);
        }
        return _known[(tex, display)] = html;
    }
}
