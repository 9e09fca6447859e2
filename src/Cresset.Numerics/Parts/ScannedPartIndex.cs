using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Xml;
using System.Xml.Linq;

namespace Cresset.Numerics;

/// <summary>
/// The parts of an assembly without a generated index, found by their attribute; summaries come from the XML documentation file beside it,
/// when there is one.
/// </summary>
internal sealed class ScannedPartIndex : IPartIndex
{
    [UnconditionalSuppressMessage("Trimming", "IL2026",
        Justification = "Only assemblies that the user loads are scanned; those are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2075",
        Justification = "Only assemblies that the user loads are scanned; those are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072",
        Justification = "Only assemblies that the user loads are scanned; those are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2062",
        Justification = "Only assemblies that the user loads are scanned; those are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2065",
        Justification = "Only assemblies that the user loads are scanned; those are not trimmed.")]
    public ScannedPartIndex(Assembly assembly)
    {
        Summaries = ReadDocumentation(assembly);
        var summaries = Summaries.Where(s => s.Property.Length == 0).ToDictionary(s => s.Record, s => s.Summary);
        var parts = new List<PartEntry>();
        foreach (var type in assembly.GetTypes())
        {
            if (type.GetCustomAttribute<PartAttribute>(inherit: false) is not { } part) continue;
            var kind = PartCatalog.KindOf(type)
                ?? throw new InvalidOperationException(
                    $"{type.FullName} has [Part(\"{part.Name}\")] but no base type or interface with [PartKind]: derive it from the family "
                        + $"it belongs to.");
            if (type.IsAbstract || type.GetConstructor([]) is not { } constructor)
                throw new InvalidOperationException(
                    $"{type.FullName} has [Part(\"{part.Name}\")] but no public constructor without arguments: a part states its "
                        + $"defaults.");
            parts.Add(
                new PartEntry(kind, part.Name, part.Aliases, type, () => constructor.Invoke(null), part.Source,
                    summaries.GetValueOrDefault(type.FullName ?? "", "")));
        }
        Parts = parts;
    }

    public IReadOnlyList<PartEntry> Parts { get; }

    public IReadOnlyList<OptionSummary> Summaries { get; }

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty location means: no documentation file.")]
    private static List<OptionSummary> ReadDocumentation(Assembly assembly)
    {
        if (assembly.Location.Length == 0) return [];
        var path = Path.ChangeExtension(assembly.Location, ".xml");
        if (!File.Exists(path)) return [];
        try
        {
            return [.. XDocument.Load(path).Descendants("member").Select(Summary).OfType<OptionSummary>()];
        }
        catch (XmlException)
        {
            // A file of this name that is not documentation: help texts stay empty, nothing else depends on it.
            return [];
        }
    }

    private static OptionSummary? Summary(XElement member)
    {
        if (member.Attribute("name")?.Value is not { Length: > 2 } name || member.Element("summary") is not { } summary) return null;
        var text = string.Join(' ', summary.Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var dot = name.LastIndexOf('.');
        return name[..2] switch
        {
            "T:" => new OptionSummary(name[2..], "", text),
            "P:" when dot > 2 => new OptionSummary(name[2..dot], name[(dot + 1)..], text),
            _ => null,
        };
    }
}
