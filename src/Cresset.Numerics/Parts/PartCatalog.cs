using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Cresset.Numerics;

/// <summary>
/// The parts of a set of assemblies by kind and name. Cresset's own assemblies bring an index that was generated at build, so nothing is
/// scanned at start; an assembly without one (a user's own) is searched for <see cref="PartAttribute"/>. Immutable and safe from many
/// threads.
/// </summary>
public sealed class PartCatalog
{
    private readonly Lazy<IReadOnlyList<Assembly>> _assemblies;
    private readonly Lazy<Contents> _contents;

    /// <summary>A catalog over <paramref name="assemblies"/>; they are read when a part is first asked for.</summary>
    public PartCatalog(params IReadOnlyList<Assembly> assemblies)
        : this(() => assemblies)
        => ArgumentNullException.ThrowIfNull(assemblies);

    /// <summary>A catalog over assemblies that are not even loaded before a part is asked for.</summary>
    /// <param name="assemblies">Gives them; called once.</param>
    public PartCatalog(Func<IReadOnlyList<Assembly>> assemblies)
    {
        ArgumentNullException.ThrowIfNull(assemblies);
        _assemblies = new(() => [.. assemblies().Distinct()]);
        _contents = new(() => new Contents(Assemblies));
    }

    /// <summary>Where the parts come from.</summary>
    public IReadOnlyList<Assembly> Assemblies => _assemblies.Value;

    /// <summary>All kinds, sorted.</summary>
    public IReadOnlyList<string> Kinds => _contents.Value.Kinds;

    /// <summary>All parts, by kind and name.</summary>
    public IReadOnlyList<PartEntry> All => _contents.Value.All;

    /// <summary>This catalog and the parts of further assemblies.</summary>
    public PartCatalog With(params IEnumerable<Assembly> assemblies)
    {
        Assembly[] further = [.. assemblies];
        return further.Length == 0 ? this : new(() => [.. Assemblies, .. further]);
    }

    /// <summary>The parts of a kind, sorted by name; empty for an unknown kind.</summary>
    public IReadOnlyList<PartEntry> Of(string kind) => [.. All.Where(p => p.Kind == kind)];

    /// <summary>A part by kind and name or alias, or null.</summary>
    public PartEntry? Find(string kind, string name) => _contents.Value.ByName.GetValueOrDefault((kind, PartEntry.Canonical(name)));

    /// <summary>A part by kind and name.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest, or the kind that has one of this name.</exception>
    public PartEntry Get(string kind, string name) => Find(kind, name) ?? throw new ArgumentException(Unknown(kind, name));

    /// <summary>Why there is no such part: the nearest name and all names of the kind, or the kind under which the name is known.</summary>
    public string Unknown(string kind, string name)
    {
        var retired = Assemblies.SelectMany(a => a.GetCustomAttributes<RetiredPartAttribute>())
            .FirstOrDefault(r => r.Kind == kind && r.Name.Equals(name.Replace('_', '-'), StringComparison.OrdinalIgnoreCase));
        if (retired is not null) return $"the {kind} '{retired.Name}' is no longer a part: write {retired.Instead}.";
        var names = Of(kind).Select(p => p.Name).ToList();
        var elsewhere = All.Where(p => p.Kind != kind && p.IsNamed(name)).ToList();
        var wrong = elsewhere.Count == 0 ? ""
            : $" '{elsewhere[0].Name}' is {string.Join(" or ", elsewhere.Select(p => Article(p.Kind)).Distinct())}, not {Article(kind)}.";
        return $"unknown {kind} '{name}'.{wrong}{NearestName.Suggest(name, names)} Known: {string.Join(", ", names)}.";
    }

    /// <summary>The entry of a part's type, or null when the type is none of this catalog's parts.</summary>
    public PartEntry? EntryOf(Type type) => _contents.Value.ByType.GetValueOrDefault(type);

    /// <summary>The summary of an option, or of a record when <paramref name="property"/> is null; empty when it has none.</summary>
    public string SummaryOf(Type record, PropertyInfo? property = null)
    {
        ArgumentNullException.ThrowIfNull(record);
        var declaring = property?.DeclaringType ?? record;
        var name = (declaring.IsGenericType ? declaring.GetGenericTypeDefinition() : declaring).FullName ?? declaring.Name;
        return _contents.Value.Summaries.GetValueOrDefault((name, property?.Name ?? ""), "");
    }

    /// <summary>The kind of a family's base type, of an interface, or of a part's own type; null for any other type.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070",
        Justification = "A kind's interface is kept where its parts are: records of options are of that type.")]
    public static string? KindOf(Type type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (current.GetCustomAttribute<PartKindAttribute>(inherit: false) is { } kind) return kind.Kind;
        }
        return type?.GetInterfaces().Select(i => i.GetCustomAttribute<PartKindAttribute>(inherit: false)?.Kind)
            .FirstOrDefault(k => k is not null);
    }

    /// <summary>The name of a part, or null when <paramref name="type"/> is none.</summary>
    public static string? NameOf(Type type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return type.GetCustomAttribute<PartAttribute>(inherit: false)?.Name;
    }

    /// <summary>"optimizer" to "an optimizer".</summary>
    private static string Article(string kind) => ("aeiou".Contains(kind[0], StringComparison.Ordinal) ? "an " : "a ") + kind;

    private sealed class Contents
    {
        private readonly Lazy<Dictionary<(string Record, string Property), string>> _summaries;

        public Contents(IReadOnlyList<Assembly> assemblies)
        {
            var indexes = assemblies.Select(IndexOf).ToList();
            All = [.. indexes.SelectMany(i => i.Parts).OrderBy(p => p.Kind, StringComparer.Ordinal)
                .ThenBy(p => p.Name, StringComparer.Ordinal)];
            Kinds = [.. All.Select(p => p.Kind).Distinct()];
            foreach (var entry in All)
            {
                if (!ByName.TryAdd((entry.Kind, PartEntry.Canonical(entry.Name)), entry)) throw Twins(entry, entry.Name);
                ByType[entry.Type] = entry;
            }
            foreach (var entry in All)
            {
                foreach (var alias in entry.Aliases)
                {
                    if (ByName.TryAdd((entry.Kind, PartEntry.Canonical(alias)), entry)) continue;
                    var other = ByName[(entry.Kind, PartEntry.Canonical(alias))];
                    if (other != entry && PartEntry.Canonical(other.Name) == PartEntry.Canonical(alias)) throw Twins(entry, alias);
                }
            }
            _summaries = new(() =>
            {
                var summaries = new Dictionary<(string Record, string Property), string>();
                foreach (var summary in indexes.SelectMany(i => i.Summaries))
                    summaries[(summary.Record, summary.Property)] = summary.Summary;
                return summaries;
            });
        }

        // Two parts of one name would make a recipe mean whichever came first.
        private InvalidOperationException Twins(PartEntry entry, string name)
        {
            var twin = ByName[(entry.Kind, PartEntry.Canonical(name))];
            return new(
                $"Two parts of kind {entry.Kind} are called '{name}': {entry.Type.FullName} ({entry.Type.Assembly.GetName().Name}) and "
                + $"{twin.Type.FullName} ({twin.Type.Assembly.GetName().Name}). Rename one in its [Part] attribute.");
        }

        public IReadOnlyList<PartEntry> All { get; }

        public IReadOnlyList<string> Kinds { get; }

        public Dictionary<Type, PartEntry> ByType { get; } = [];

        public Dictionary<(string Kind, string Name), PartEntry> ByName { get; } = [];

        // Only help and the dashboard ask what the options are for.
        public Dictionary<(string Record, string Property), string> Summaries => _summaries.Value;

        private static IPartIndex IndexOf(Assembly assembly)
            => assembly.GetCustomAttribute<PartIndexAttribute>() is { } attribute
                ? (IPartIndex)Activator.CreateInstance(attribute.Index)!
                : new ScannedPartIndex(assembly);
    }
}
