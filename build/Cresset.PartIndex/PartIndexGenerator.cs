using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Xml;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Cresset.PartIndex;

/// <summary>
/// Writes the index of an assembly's parts: a class that implements IPartIndex, with a line per type that has [Part] and the summaries of
/// all
/// option records, so that nothing is scanned when a program starts and trimming sees every constructor.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class PartIndexGenerator : IIncrementalGenerator
{
    private const string PartName = "Cresset.Numerics.PartAttribute";
    private const string KindName = "Cresset.Numerics.PartKindAttribute";
    private const string RecordName = "Cresset.Numerics.IOptionsRecord";

    private static readonly DiagnosticDescriptor NoKind = Rule("CRP001", "{0} has [Part] but no base type or interface with [PartKind]");
    private static readonly DiagnosticDescriptor NoConstructor = Rule("CRP002",
        "{0} has [Part] but is abstract or lacks a constructor without arguments");
    private static readonly DiagnosticDescriptor BadName = Rule("CRP003",
        "{0}: the part name '{1}' must consist of lower-case letters, digits, '-', '+' and '.'");

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var parts = context.SyntaxProvider.ForAttributeWithMetadataName(PartName, (node, _) => node is TypeDeclarationSyntax, Part);
        var records = context.SyntaxProvider.CreateSyntaxProvider((node, _) => node is TypeDeclarationSyntax { BaseList: not null }, Record)
            .Where(r => r is not null);
        var assembly = context.CompilationProvider.Select(
            (c, _) => (Name: c.AssemblyName ?? "Assembly", HasParts: c.GetTypeByMetadataName(PartName) is not null));
        context.RegisterSourceOutput(parts.Collect().Combine(records.Collect()).Combine(assembly), Write);
    }

    private static Found Part(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var type = (INamedTypeSymbol)context.TargetSymbol;
        var attribute = context.Attributes[0];
        var name = attribute.ConstructorArguments[0].Value as string ?? "";
        var source = attribute.ConstructorArguments.Length > 1 ? attribute.ConstructorArguments[1].Value as string ?? "" : "";
        var aliases = attribute.NamedArguments.Where(a => a.Key == "Aliases").SelectMany(a => a.Value.Values)
            .Select(v => v.Value as string ?? "").ToImmutableArray();
        var full = type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        var kind = Kind(type);
        DiagnosticDescriptor? problem = null;
        if (kind is null) problem = NoKind;
        else if (type.IsAbstract
            || !type.InstanceConstructors.Any(
                c => c.Parameters.All(p => p.IsOptional) && c.DeclaredAccessibility >= Accessibility.Internal)) problem = NoConstructor;
        else if (name.Length == 0 || !name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '+' or '.'))
            problem = BadName;
        return new Found(full, kind ?? "", name, source, string.Join("\n", aliases), Summary(type, cancellation), problem,
            context.TargetNode.GetLocation());
    }

    private static string? Kind(INamedTypeSymbol type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (KindOf(current) is { } kind) return kind;
        }
        return type.AllInterfaces.Select(KindOf).FirstOrDefault(k => k is not null);
    }

    private static string? KindOf(INamedTypeSymbol type)
        => type.GetAttributes()
            .FirstOrDefault(a => a.AttributeClass?.ToDisplayString() == KindName)?.ConstructorArguments[0].Value as string;

    // The summaries of one options record: its own, then those of the properties that it declares.
    private static string? Record(GeneratorSyntaxContext context, CancellationToken cancellation)
    {
        if (context.SemanticModel.GetDeclaredSymbol(context.Node, cancellation) is not INamedTypeSymbol type) return null;
        if (!type.AllInterfaces.Any(i => i.ToDisplayString() == RecordName)
            || type.DeclaringSyntaxReferences[0].GetSyntax(cancellation) != context.Node) return null;
        var name = MetadataName(type);
        var text = new StringBuilder();
        Line(text, name, "", Summary(type, cancellation));
        foreach (var property in type.GetMembers().OfType<IPropertySymbol>()
            .Where(p => p.DeclaredAccessibility == Accessibility.Public && p.SetMethod is not null))
            Line(text, name, property.Name, Summary(property, cancellation));
        return text.ToString();

        static void Line(StringBuilder text, string record, string property, string summary)
        {
            if (summary.Length > 0)
                text.Append("        new(").Append(Quote(record)).Append(", ").Append(Quote(property)).Append(", ").Append(Quote(summary))
                    .Append("),\n");
        }
    }

    private static string MetadataName(INamedTypeSymbol type)
        => type.ContainingType is { } outer ? MetadataName(outer) + "+" + type.MetadataName
            : type.ContainingNamespace.IsGlobalNamespace ? type.MetadataName
            : type.ContainingNamespace.ToDisplayString() + "." + type.MetadataName;

    private static string Summary(ISymbol symbol, CancellationToken cancellation)
    {
        var xml = symbol.GetDocumentationCommentXml(CultureInfo.InvariantCulture, expandIncludes: false, cancellation);
        if (string.IsNullOrWhiteSpace(xml)) return "";
        try
        {
            var summary = XElement.Parse(xml).Element("summary");
            return summary is null ? ""
                : string.Join(" ", Text(summary).Split((char[]?)null, System.StringSplitOptions.RemoveEmptyEntries));
        }
        catch (XmlException)
        {
            // The compiler itself reports a malformed comment.
            return "";
        }
    }

    private static string Text(XElement element) => string.Concat(element.Nodes().Select(node => node switch
    {
        XText text => text.Value,
        XElement { Name.LocalName: "see" or "seealso" or "paramref" or "typeparamref" } link => Reference(link),
        XElement inner => Text(inner),
        _ => "",
    }));

    private static string Reference(XElement link)
    {
        if (link.Value.Length > 0) return link.Value;
        var target = link.Attribute("cref")?.Value ?? link.Attribute("langword")?.Value ?? link.Attribute("name")?.Value
            ?? link.Attribute("href")?.Value ?? "";
        var end = target.IndexOf('(');
        if (end >= 0) target = target.Substring(0, end);
        return target.Substring(target.LastIndexOf('.') + 1);
    }

    private static void Write(SourceProductionContext context,
        ((ImmutableArray<Found> Parts, ImmutableArray<string?> Records) Left, (string Name, bool HasParts) Assembly) input)
    {
        var ((parts, records), assembly) = input;
        foreach (var part in parts.Where(p => p.Problem is not null))
            context.ReportDiagnostic(Diagnostic.Create(part.Problem!, part.Location, part.Type, part.Name));
        if (!assembly.HasParts || parts.Any(p => p.Problem is not null)) return;
        // Assemblies that see each other's internals must not have two types of one name.
        var index = "PartsOf" + new string(assembly.Name.Select(c => char.IsLetterOrDigit(c) ? c : '_').ToArray());
        var text = new StringBuilder("// <auto-generated/>\n#nullable enable\n");
        text.Append("[assembly: global::Cresset.Numerics.PartIndex(typeof(global::Cresset.Generated.").Append(index).Append("))]\n\n");
        text.Append("namespace Cresset.Generated;\n\ninternal sealed class ").Append(index)
            .Append(" : global::Cresset.Numerics.IPartIndex\n{\n");
        text.Append(
            "    public global::System.Collections.Generic.IReadOnlyList<global::Cresset.Numerics.PartEntry> Parts { get; } = new "
                + "global::Cresset.Numerics.PartEntry[]\n    {\n");
        foreach (var part in parts.OrderBy(p => p.Kind, System.StringComparer.Ordinal).ThenBy(p => p.Name, System.StringComparer.Ordinal))
        {
            var aliases = part.Aliases.Length == 0 ? "" : string.Join(", ", part.Aliases.Split('\n').Select(Quote));
            text.Append("        new(").Append(Quote(part.Kind)).Append(", ").Append(Quote(part.Name)).Append(", new string[] { ")
                .Append(aliases).Append(" }, typeof(")
                .Append(part.Type).Append("), static () => new ").Append(part.Type).Append("(), ").Append(Quote(part.Source)).Append(", ")
                .Append(Quote(part.Summary)).Append("),\n");
        }
        text.Append("    };\n\n");
        text.Append(
            "    public global::System.Collections.Generic.IReadOnlyList<global::Cresset.Numerics.OptionSummary> Summaries => new "
                + "global::Cresset.Numerics.OptionSummary[]\n    {\n");
        foreach (var record in records.OrderBy(r => r, System.StringComparer.Ordinal)) text.Append(record);
        text.Append("    };\n}\n");
        context.AddSource("PartIndex.g.cs", SourceText.From(text.ToString(), Encoding.UTF8));
    }

    private static string Quote(string text) =>
        "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\r", "").Replace("\n", " ") + "\"";

    private static DiagnosticDescriptor Rule(string id, string message) =>
        new(id, "A part that cannot be built", message, "Parts", DiagnosticSeverity.Error, isEnabledByDefault: true);

    // Values only: the compiler compares them to know whether the index must be written again.
    private readonly struct Found(string type, string kind, string name, string source, string aliases, string summary,
        DiagnosticDescriptor? problem, Location location)
        : System.IEquatable<Found>
    {
        public string Type { get; } = type;

        public string Kind { get; } = kind;

        public string Name { get; } = name;

        public string Source { get; } = source;

        public string Aliases { get; } = aliases;

        public string Summary { get; } = summary;

        public DiagnosticDescriptor? Problem { get; } = problem;

        public Location Location { get; } = location;

        public bool Equals(Found other)
            => (Type, Kind, Name, Source, Aliases, Summary) == (other.Type, other.Kind, other.Name, other.Source, other.Aliases,
                other.Summary) && Equals(Problem, other.Problem);

        public override bool Equals(object? obj) => obj is Found other && Equals(other);

        public override int GetHashCode() => Type.GetHashCode() ^ Name.GetHashCode();
    }
}
