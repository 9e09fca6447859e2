using System.Text;
using System.Xml.Linq;
using Cresset.Numerics;
using Cresset.Site.Writing;
using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace Cresset.Site.Reference;

/// <summary>A page for every public type, from the built assemblies and their documentation comments.</summary>
internal sealed class ApiPages
{
    private readonly SiteFolder _site;
    private readonly XmlDocs _docs = new();
    private readonly List<TypeDefinition> _types = [];
    private readonly Dictionary<string, string> _places = [];
    private readonly Dictionary<string, PartEntry> _parts;

    /// <summary>Reads all assemblies of Cresset in a folder.</summary>
    public ApiPages(SiteFolder site, string folder, PartCatalog parts)
    {
        _site = site;
        foreach (var file in Directory.EnumerateFiles(folder, "*.dll")
            .Where(f => Path.GetFileName(f).StartsWith("cresset", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal))
        {
            if (!System.IO.File.Exists(Path.ChangeExtension(file, ".xml"))) continue;
            _docs.Add(Path.ChangeExtension(file, ".xml"));
            _types.AddRange(AssemblyDefinition.ReadAssembly(file).MainModule.Types.SelectMany(WithNested).Where(IsPublic));
        }
        // The compiler's own types for extension blocks have names that no one can write.
        _types.RemoveAll(t => t.FullName.Contains('<', StringComparison.Ordinal));
        foreach (var type in _types) _places[Name(type)] = $"api/{File(type)}.html";
        _parts = parts.All.GroupBy(p => p.Type.FullName!.Replace('+', '.')).ToDictionary(g => g.Key, g => g.First());
    }

    /// <summary>Writes the pages of all types and namespaces.</summary>
    public void Write()
    {
        var spaces = _types.GroupBy(Space).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        List<SideLink> overview = [new("All namespaces", "api/index.html"),
            .. spaces.Select(s => new SideLink(s.Key, $"api/{s.Key}.html"))];
        var body = new StringBuilder($"<h1>API</h1><p class=\"lead\">{_types.Count} public types in {spaces.Count} namespaces.</p>");
        foreach (var space in spaces)
        {
            body.Append(
                $"<h2 id=\"{space.Key}\"><a href=\"{space.Key}.html\">{space.Key}</a></h2><p class=\"types\">"
                    + $"{string.Join(" ", Ordered(space).Select(t => $"<a href=\"{File(t)}.html\">{HtmlEncode(Signatures.Title(t))}</a>"))}"
                    + $"</p>");
            WriteSpace(space.Key, [.. Ordered(space)], overview);
        }
        _site.Page("api/index.html", Layout.Html(new("api/index.html", "API", body.ToString()) { Tab = "api", Side = overview }), "api",
            "API", string.Join(' ', spaces.Select(s => s.Key)));
    }

    private void WriteSpace(string space, List<TypeDefinition> types, List<SideLink> overview)
    {
        var path = $"api/{space}.html";
        var body = new StringBuilder($"<h1>{space}</h1>");
        foreach (var (heading, found) in new[] { ("Classes and records",
            types.Where(t => t.IsClass && !t.IsValueType && !Signatures.IsDelegate(t))),
            ("Structs", types.Where(t => t.IsValueType && !t.IsEnum)),
            ("Interfaces", types.Where(t => t.IsInterface)), ("Enums", types.Where(t => t.IsEnum)),
            ("Delegates", types.Where(Signatures.IsDelegate)) })
        {
            if (!found.Any()) continue;
            body.Append($"<h2>{heading}</h2><div class=\"table\"><table><tbody>");
            foreach (var type in found)
                body.Append(
                    $"<tr><td><a href=\"{File(type)}.html\">{HtmlEncode(Signatures.Title(type))}</a></td><td>{Summary(type)}</td></tr>");
            body.Append("</tbody></table></div>");
        }
        _site.Page(path, Layout.Html(new(path, space, body.ToString()) { Tab = "api", Side = overview }), "api", space, "");
        List<SideLink> side = [new("All namespaces", "api/index.html"), new(space, path),
            .. types.Select(t => new SideLink(Signatures.Title(t), $"api/{File(t)}.html"))];
        foreach (var type in types) WriteType(type, side);
    }

    private void WriteType(TypeDefinition type, List<SideLink> side)
    {
        var path = $"api/{File(type)}.html";
        var signatures = new Signatures(name => _places.TryGetValue(name, out var place) ? Layout.Href(path, place) : null);
        var comment = Comment(type);
        var kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : Signatures.IsDelegate(type) ? "delegate"
            : Signatures.IsRecord(type) ? "record" : type.IsValueType ? "struct" : "class";
        var body = new StringBuilder(
            $"<h1>{HtmlEncode(Signatures.Title(type))} <small>{kind}</small></h1><p class=\"facts\">Namespace <a "
                + $"href=\"{Space(type)}.html\">{Space(type)}</a>, assembly {HtmlEncode(type.Module.Assembly.Name.Name)}");
        if (_parts.TryGetValue(Name(type), out var part))
            body.Append(
                $", part <a href=\"../reference/parts/{part.Kind}.html#{HtmlEncode(part.Name)}\">{part.Kind}/{HtmlEncode(part.Name)}</a>");
        body.Append(
            $"</p><div class=\"lead\">{Html(comment?.Element("summary"), path)}</div><div class=\"code "
                + $"declared\"><pre><code>{signatures.Declaration(type)}</code></pre></div>")
                .Append(Block(comment?.Element("remarks"), path));
        if (type.HasGenericParameters) body.Append(Named(comment, "typeparam", "Type parameters", path));
        var sections = new List<(string, string)>();
        if (Signatures.IsDelegate(type))
        {
            body.Append(Named(comment, "param", "Parameters", path)).Append(Returns(comment, path));
        }
        else
        {
            var own = type.Methods.Where(m => Signatures.Seen(m) && !Made(m, type)).ToList();
            Members("Values", type.IsEnum ? type.Fields.Where(f => f.IsPublic && f.IsStatic) : [], f => f.Name, signatures.Declaration);
            Members("Constructors", own.Where(m => m.IsConstructor && !m.IsStatic), m => type.Name.Split('`')[0], signatures.Declaration);
            Members("Fields", type.IsEnum ? [] : type.Fields.Where(f => f.IsPublic && !f.IsSpecialName), f => f.Name,
                signatures.Declaration);
            Members("Properties",
                type.Properties.Where(
                    p => new[] { p.GetMethod, p.SetMethod }.Any(m => m is not null && Signatures.Seen(m)) && p.Name != "EqualityContract"
                        && !p.Name.Contains('.', StringComparison.Ordinal)), p => p.HasParameters ? "this[]" : p.Name,
                        signatures.Declaration);
            Members("Methods", own.Where(m => !m.IsConstructor && !m.IsSpecialName && !m.Name.Contains('.', StringComparison.Ordinal)),
                m => m.Name, signatures.Declaration);
            Members("Operators", own.Where(m => m.IsSpecialName && m.Name.StartsWith("op_", StringComparison.Ordinal)), m => m.Name,
                signatures.Declaration);
            Members("Events", type.Events.Where(e => e.AddMethod is { } add && Signatures.Seen(add)), e => e.Name, signatures.Declaration);
            body.Append(Inherited(type, path));
        }
        _site.Page(path,
            Layout.Html(
                new(path, Signatures.Title(type), body.ToString())
                {
                    Tab = "api",
                    Side = side,
                    Sections = sections,
                    Description = Plain(comment?.Element("summary"))
                }), "api",
            Signatures.Title(type), $"{Space(type)} {Plain(comment?.Element("summary"))}");

        void Members<T>(string heading, IEnumerable<T> members, Func<T, string> name, Func<T, string> declaration)
            where T : IMemberDefinition
        {
            var list = (type.IsEnum ? members : members.OrderBy(name, StringComparer.Ordinal)).ToList();
            if (list.Count == 0) return;
            var id = heading.ToLowerInvariant();
            sections.Add((id, heading));
            body.Append($"<h2 id=\"{id}\">{heading}</h2>");
            if (type.IsEnum)
            {
                body.Append("<div class=\"table\"><table><tbody>")
                    .AppendJoin("",
                        list.Select(
                            m => $"<tr><td><code>{HtmlEncode(m.Name)}</code></td><td>{Html(Comment(m)?.Element("summary"), path)}"
                                + $"</td></tr>")).Append("</tbody></table></div>");
                return;
            }
            var named = new HashSet<string>();
            foreach (var member in list)
            {
                var place = named.Add(name(member)) ? $" id=\"{HtmlEncode(name(member))}\"" : "";
                var said = Comment(member);
                // The parameters of a primary constructor are described with its type.
                if (said is null && member is MethodDefinition { IsConstructor: true, HasParameters: true }) said = comment;
                var summary = ReferenceEquals(said, comment) ? "" : Html(said?.Element("summary"), path);
                if (summary.Length == 0 && member is PropertyDefinition)
                    summary = Html(comment?.Elements("param").FirstOrDefault(p => p.Attribute("name")?.Value == member.Name), path);
                body.Append(
                    $"<section class=\"member\"><h3{place}>{HtmlEncode(name(member))}</h3><div class=\"code "
                        + $"declared\"><pre><code>{declaration(member)}</code></pre></div>");
                if (summary.Length > 0) body.Append($"<p>{summary}</p>");
                body.Append(Named(said, "param", "", path)).Append(Returns(said, path)).Append(Block(said?.Element("remarks"), path));
                foreach (var thrown in said?.Elements("exception") ?? [])
                    body.Append($"<p class=\"facts\">Throws {See(thrown.Attribute("cref")?.Value ?? "", path)}: {Html(thrown, path)}</p>");
                body.Append("</section>");
            }
        }
    }

    // What a class has from its base classes here: names that lead to where they are described.
    private string Inherited(TypeDefinition type, string path)
    {
        var html = new StringBuilder();
        var known = type.Properties.Select(p => p.Name).Concat(type.Methods.Select(m => m.Name)).ToHashSet();
        foreach (var parent in Parents(type).Where(p => !p.IsInterface))
        {
            var properties =
                parent.Properties.Where(
                    p => p.GetMethod is { } get && Signatures.Seen(get) && p.Name != "EqualityContract" && !p.HasParameters)
                    .Select(p => p.Name);
            var methods =
                parent.Methods.Where(
                    m => Signatures.Seen(m) && !Made(m, parent) && !m.IsConstructor && !m.IsSpecialName && !m.IsStatic
                        && !m.Name.Contains('.', StringComparison.Ordinal)).Select(m => m.Name);
            var names = properties.Concat(methods).Distinct().Where(known.Add).Order(StringComparer.Ordinal).ToList();
            if (names.Count == 0) continue;
            var place = Layout.Href(path, _places[Name(parent)]);
            html.Append(
                $"<p class=\"facts\">From <a href=\"{HtmlEncode(place)}\">{HtmlEncode(Signatures.Title(parent))}</a>: "
                    + $"{string.Join(", ", names.Select(n => $"<a href=\"{HtmlEncode(place)}#{HtmlEncode(n)}\">{HtmlEncode(n)}</a>"))}"
                    + $"</p>");
        }
        return html.Length == 0 ? "" : $"<h2 id=\"inherited\">Inherited</h2>{html}";
    }

    private string Html(XElement? element, string path) => XmlDocs.Html(element, id => See(id, path));

    private string Block(XElement? element, string path) => element is null ? "" : $"<div class=\"remarks\">{Html(element, path)}</div>";

    private string Returns(XElement? comment, string path) =>
        Html(comment?.Element("returns"), path) is { Length: > 0 } text ? $"<p class=\"facts\">Returns: {text}</p>" : "";

    private string Named(XElement? comment, string tag, string heading, string path)
    {
        var items = comment?.Elements(tag).Select(e => (Name: e.Attribute("name")?.Value ?? "", Text: Html(e, path)))
            .Where(e => e.Text.Length > 0).ToList() ?? [];
        return items.Count == 0 ? ""
            : $"{(heading.Length > 0 ? $"<h2>{heading}</h2>" : "")}<dl "
                + $"class=\"params\">{string.Concat(items.Select(i => $"<dt><code>{HtmlEncode(i.Name)}</code></dt><dd>{i.Text}</dd>"))}"
                + $"</dl>";
    }

    // A comment that is inherited is that of the nearest base type or interface that has the member.
    private XElement? Comment(IMemberDefinition member)
    {
        var own = _docs.Of(DocCommentId.GetDocCommentId(member));
        if (own is not null && own.Element("inheritdoc") is null) return own;
        if (own?.Element("inheritdoc")?.Attribute("cref")?.Value is { } cref && _docs.Of(cref) is { } named) return named;
        var type = member as TypeDefinition ?? member.DeclaringType;
        foreach (var parent in Parents(type))
        {
            if (member is TypeDefinition)
            {
                if (own is not null && _docs.Of(DocCommentId.GetDocCommentId(parent)) is { } above) return above;
                continue;
            }
            IEnumerable<IMemberDefinition> same = member switch
            {
                MethodDefinition m => parent.Methods.Where(o => o.Name == m.Name && o.Parameters.Count == m.Parameters.Count),
                PropertyDefinition => parent.Properties.Where(o => o.Name == member.Name),
                _ => [],
            };
            if (same.Select(m => _docs.Of(DocCommentId.GetDocCommentId(m)))
                .FirstOrDefault(d => d?.Element("summary") is not null) is { } inherited) return inherited;
        }
        return own;
    }

    private IEnumerable<TypeDefinition> Parents(TypeDefinition type)
    {
        foreach (var reference in type.Interfaces.Select(i => i.InterfaceType).Prepend(type.BaseType))
        {
            if (reference is null || _types.Find(t => t.FullName == reference.GetElementType().FullName) is not { } parent) continue;
            yield return parent;
            foreach (var above in Parents(parent)) yield return above;
        }
    }

    private string See(string id, string path)
    {
        var name = id.Length > 2 && id[1] == ':' ? id[2..] : id;
        var open = name.IndexOf('(', StringComparison.Ordinal);
        var bare = open < 0 ? name : name[..open];
        if (_places.TryGetValue(bare, out var place))
            return $"<a href=\"{HtmlEncode(Layout.Href(path, place))}\">{HtmlEncode(Short(bare))}</a>";
        var dot = bare.LastIndexOf('.');
        var text = HtmlEncode(Short(bare));
        return dot > 0 && _places.TryGetValue(bare[..dot], out var type)
            ? $"<a href=\"{HtmlEncode(Layout.Href(path, type))}\">{HtmlEncode(Short(bare[..dot]))}.{text}</a>" : $"<code>{text}</code>";
    }

    private string Summary(TypeDefinition type) => Html(Comment(type)?.Element("summary"), "api/x.html");

    private static string Plain(XElement? element) => element is null ? "" : System.Text.RegularExpressions.Regex.Replace(
        string.Concat(element.DescendantNodes()
            .Select(
                n => n is XText text ? text.Value : n is XElement e
                    ? Short((e.Attribute("cref") ?? e.Attribute("name") ?? e.Attribute("langword"))?.Value ?? "") : "")), @"\s+", " ")
                    .Trim();

    private static string Short(string name) => name.Split('(')[0].Split('.')[^1].Split('`')[0].Split(':')[^1];

    private static bool Made(MethodDefinition method, TypeDefinition type)
    {
        if (method.IsGetter || method.IsSetter || method.IsAddOn || method.IsRemoveOn
            || method.Name.Contains('<', StringComparison.Ordinal)) return true;
        if (!Signatures.IsRecord(type)) return method.Name == "ToString";
        if (method.IsConstructor) return method.Parameters is [var only] && only.ParameterType.FullName == type.FullName;
        return method.Name is "Equals" or "GetHashCode" or "ToString" or "PrintMembers" or "Deconstruct" or "op_Equality"
            or "op_Inequality";
    }

    private static IEnumerable<TypeDefinition> Ordered(IEnumerable<TypeDefinition> types) =>
        types.OrderBy(Signatures.Title, StringComparer.OrdinalIgnoreCase);

    private static IEnumerable<TypeDefinition> WithNested(TypeDefinition type) => type.NestedTypes.SelectMany(WithNested).Prepend(type);

    private static bool IsPublic(TypeDefinition type) =>
        type.DeclaringType is null ? type.IsPublic : type.IsNestedPublic && IsPublic(type.DeclaringType);

    private static string Space(TypeDefinition type) =>
        type.DeclaringType is { } outer ? Space(outer) : type.Namespace.Length > 0 ? type.Namespace : "global";

    private static string Name(TypeDefinition type) => type.FullName.Replace('/', '.');

    private static string File(TypeDefinition type) => Name(type).Replace('`', '-');
}
