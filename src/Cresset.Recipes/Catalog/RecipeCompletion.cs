using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What can follow on a command line after a recipe's name: keys, and the values of a key.</summary>
/// <param name="job">What the recipe runs.</param>
/// <param name="parts">What it may name.</param>
/// <param name="map">The recipe with the overrides so far.</param>
internal sealed class RecipeCompletion(IJob job, PartCatalog parts, ConfigMap map)
{
    private readonly RecipeKeys _keys = new(job, parts);

    /// <summary>Words that begin with <paramref name="word"/>: <c>key=</c>, or <c>key=value</c> once there is a '='.</summary>
    public IEnumerable<string> Of(string word)
    {
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        var words = equals < 0 ? Keys(word) : Values(word[..equals]).Select(value => $"{word[..equals]}={value}");
        return words.Where(w => w.StartsWith(word, StringComparison.OrdinalIgnoreCase)).Distinct().Order(StringComparer.Ordinal);
    }

    // A key alone where one place has it, otherwise with what tells the places apart.
    private IEnumerable<string> Keys(string word)
    {
        var all = _keys.All(map);
        var sections = job.Sections.Where(s => OptionNames.PartKind(s.Defaults.GetType()) is not null).Select(s => s.Name);
        var dot = word.IndexOf('.', StringComparison.Ordinal);
        var keys = dot < 0 ? all.Select(k => IsUnique(k.Key) ? k.Key : k.Path)
            : all.Select(k => From(k.Path, word[..dot])).OfType<string>();
        return keys.Concat(sections).Select(key => key + "=");
    }

    // "model.quantizer.stages" from "quantizer" on, as somebody begins to write it.
    private static string? From(string path, string head)
    {
        var keys = path.Split('.');
        var first = Array.IndexOf(keys, ConfigMap.Canonical(head));
        return first < 0 ? null : string.Join('.', keys[first..]);
    }

    private bool IsUnique(string key)
    {
        try
        {
            return _keys.Find(key, map) is not null;
        }
        catch (ConfigException)
        {
            // Several places have it.
            return false;
        }
    }

    private IEnumerable<string> Values(string key)
    {
        var path = _keys.Find(ConfigMap.Canonical(key), map);
        if (job.Sections.FirstOrDefault(s => s.Name == path) is { } section) return Values(section.Defaults.GetType(), section.Defaults);
        if (_keys.All(map).FirstOrDefault(k => k.Path == path) is not { Record: { } record } found) return [];
        var property = OptionNames.Keys(record.GetType())[found.Key];
        return Values(property.PropertyType, property.GetValue(record));
    }

    private IEnumerable<string> Values(Type type, object? current)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        if (inner == typeof(bool)) return ["true", "false"];
        if (inner.IsEnum) return Enum.GetNames(inner).Select(OptionNames.Key);
        if (OptionNames.PartKind(inner) is { } kind) return parts.Of(kind).Select(p => p.Name);
        return OptionsWriter.Value(current) is string or ConfigNumber ? [OptionsWriter.Value(current)!.ToString()!] : [];
    }
}
