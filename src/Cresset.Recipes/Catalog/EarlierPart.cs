using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// A part that recipes of version 0.1 described by keys of the section around it: its name under one key, and beside it the options of all
/// kinds, whichever the named one took. They are read as the part that they meant.
/// </summary>
/// <param name="Kind">The kind of the part.</param>
/// <param name="Key">The key that holds the part now.</param>
/// <param name="Named">The key that held its name.</param>
/// <param name="Default">The part that was meant where none was named.</param>
/// <param name="Options">The keys of its options.</param>
/// <param name="Place">Where an option of a part is now, as a dotted path inside it; null for an option that it does not take.</param>
internal sealed record EarlierPart(string Kind, string Key, string Named, string Default, IReadOnlyList<string> Options,
    Func<string, string, string?> Place)
{
    /// <summary>True for a value that a run stored: its settings have every key, those that meant nothing among them.</summary>
    public static bool IsStored(ConfigNode value) => Path.GetFileName(value.Source.File) == "config.yaml";

    /// <summary>Moves the old keys of a section into the part.</summary>
    /// <returns>The part when a file of version 0.1 described it, whose unwritten defaults were that version's; otherwise null.</returns>
    /// <exception cref="ConfigException">A recipe sets an option that the named part does not take.</exception>
    public ConfigMap? Move(ConfigMap section)
    {
        var given = Options.Where(key => section[key] is not null).ToList();
        var renamed = Named != Key && section[Named] is ConfigText;
        if (given.Count == 0 && !renamed) return null;
        var part = Long(section, Key);
        var earlier = false;
        if (renamed)
        {
            var name = (ConfigText)section[Named]!;
            earlier = name.Source != ConfigSource.CommandLine;
            section.Remove(Named);
            // The name of another part on the command line leaves the options of the recipe's behind.
            if (part[ConfigMap.Kind] is ConfigText before && Canonical(before.Value) != Canonical(name.Value))
                part = new ConfigMap(name.Source);
            part.Set(ConfigMap.Kind, name);
        }
        var kind = part[ConfigMap.Kind] is ConfigText { IsNull: false } chosen ? Canonical(chosen.Value) : Default;
        foreach (var key in given)
        {
            var value = section[key]!;
            section.Remove(key);
            earlier |= value.Source != ConfigSource.CommandLine;
            if (Place(kind, key) is { } path) Set(part, path, value);
            else if (!IsStored(value))
                throw new ConfigException(value.Source,
                    $"'{key}' is not an option of the {Kind} {kind}: leave it out. 'cresset show {kind}' lists what it takes.");
        }
        section.Set(Key, part);
        return earlier ? part : null;
    }

    /// <summary>Sets a value inside a part; parts on the way get their long form.</summary>
    public static void Set(ConfigMap part, string path, ConfigNode value)
    {
        var keys = path.Split('.');
        foreach (var key in keys[..^1])
        {
            var next = Long(part, key);
            part.Set(key, next);
            part = next;
        }
        part.Set(keys[^1], value);
    }

    /// <summary>The name of the part that a section holds under <see cref="Key"/>, as its catalog writes it.</summary>
    public string NameIn(ConfigMap section)
        => section[Key] switch
        {
            ConfigText { IsNull: false } text => Canonical(text.Value),
            ConfigMap map when map[ConfigMap.Kind] is ConfigText { IsNull: false } text => Canonical(text.Value),
            _ => Default,
        };

    private string Canonical(string name) => BuiltInParts.Catalog.Find(Kind, name)?.Name ?? name;

    private static ConfigMap Long(ConfigMap map, string key)
    {
        if (map[key] is ConfigMap already) return already;
        var part = new ConfigMap(map[key]?.Source ?? map.Source);
        if (map[key] is ConfigText { IsNull: false } name) part.Set(ConfigMap.Kind, name);
        return part;
    }
}
