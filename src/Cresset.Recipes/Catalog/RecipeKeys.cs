using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// All keys that a job's recipe can set, those of the chosen parts included, and the way from a short key to its full path.
/// </summary>
/// <param name="job">Whose sections.</param>
/// <param name="parts">Where parts are found.</param>
internal sealed class RecipeKeys(IJob job, PartCatalog parts)
{
    // Deep enough for a part in a part of a section; nothing in recipes nests deeper.
    private const int Deepest = 5;

    private static readonly Dictionary<string, string> Short = new()
    {
        ["lr"] = "learning_rate",
        ["wd"] = "weight_decay",
        ["bs"] = "batch_size"
    };

    /// <summary>Full paths with the record that declares each, as the recipe's parts are chosen so far.</summary>
    public IReadOnlyList<(string Path, string Key, object Record)> All(ConfigMap map)
    {
        var all = new List<(string, string, object)>();
        foreach (var section in job.Sections)
            Add(section.Name, Chosen(section.Defaults, map[section.Name]), map[section.Name] as ConfigMap, 1, all);
        return all;
    }

    /// <summary>"optimizer.beta1" stays; "beta1" becomes "optimizer.beta1" where only one place has it.</summary>
    /// <exception cref="ConfigException">No place has the key, or several have it.</exception>
    public string FullPath(string key, ConfigMap map)
    {
        if (Find(key, map) is { } path) return path;
        throw new ConfigException(ConfigSource.CommandLine, $"unknown key '{key}'.{Suggest(key[(key.LastIndexOf('.') + 1)..], All(map))}");
    }

    /// <summary>The full path of a key, or null where no place has it.</summary>
    /// <exception cref="ConfigException">Several places have it.</exception>
    public string? Find(string key, ConfigMap map)
    {
        var head = key.Split('.')[0];
        if (job.Sections.Any(s => s.Name == head)) return key;
        var all = All(map);
        if (Match(key, all) is { } path) return path;
        var last = key[(key.LastIndexOf('.') + 1)..];
        if (Short.TryGetValue(last, out var full) && Match(key[..^last.Length] + full, all) is { } meant) return meant;
        return (job as IUpgradesRecipes)?.Earlier(key);
    }

    private static string? Match(string key, IReadOnlyList<(string Path, string Key, object Record)> all)
    {
        var candidates = all.Select(k => k.Path).Where(p => p.EndsWith("." + key, StringComparison.Ordinal)).ToList();
        if (candidates.Count == 0) return null;
        // The trainer's batch_size is meant, not that of a part three levels down: the outermost counts, if it is the only one.
        var depth = candidates.Min(c => c.Count(x => x == '.'));
        var outermost = candidates.Where(c => c.Count(x => x == '.') == depth).ToList();
        return outermost.Count == 1
            ? outermost[0]
            : throw new ConfigException(ConfigSource.CommandLine,
                $"'{key}' is a key of several sections; write {string.Join(" or ", outermost)}.");
    }

    private string Suggest(string key, IReadOnlyList<(string Path, string Key, object Record)> all)
    {
        if (NearestName.Find(key, all.Select(k => k.Key)) is not { } nearest)
            return $" Sections of job '{job.Name}': {string.Join(", ", job.Sections.Select(s => s.Name))}. Known keys: "
                + $"{string.Join(", ", all.Select(k => k.Path))}.";
        var found = all.First(k => k.Key == nearest);
        return $" Did you mean '{found.Path}'? {new OptionFacts(parts, found.Record).Describe(nearest)}";
    }

    private void Add(string path, object record, ConfigMap? map, int depth, List<(string, string, object)> all)
    {
        foreach (var property in OptionNames.Properties(record.GetType()))
        {
            var key = OptionNames.Key(property.Name);
            all.Add(($"{path}.{key}", key, record));
            var value = property.GetValue(record);
            var node = map?[key];
            if (OptionNames.PartKind(property.PropertyType) is not null)
                value = Chosen(value, node, OptionNames.PartKind(property.PropertyType));
            if (value is IOptionsRecord and not StepSizeRule && depth < Deepest)
                Add($"{path}.{key}", value, node as ConfigMap, depth + 1, all);
        }
    }

    private object Chosen(IOptionsRecord defaults, ConfigNode? node) =>
        Chosen(defaults, node, OptionNames.PartKind(defaults.GetType())) ?? defaults;

    private object? Chosen(object? current, ConfigNode? node, string? kind)
    {
        if (kind is null) return current;
        var name = node switch
        {
            ConfigText text => text.Value,
            ConfigMap map => (map[ConfigMap.Kind] as ConfigText)?.Value,
            _ => null,
        };
        if (name is null) return current;
        // An unknown name is the binder's to report, with its place.
        if (parts.Find(kind, name) is not { } entry) return OptionNames.PartOfText(parts, kind, name) ?? current;
        return current?.GetType() == entry.Type ? current : entry.Create();
    }
}
