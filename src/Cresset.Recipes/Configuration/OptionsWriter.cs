using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Writes option records as nested dictionaries, lists and texts that resolve to the same records.</summary>
internal static class OptionsWriter
{
    /// <summary>A record's values by key; a part begins with its name under "kind".</summary>
    public static Dictionary<string, object?> Write(object record)
    {
        var values = new Dictionary<string, object?>();
        var type = record.GetType();
        if (OptionNames.PartKind(type) is not null && PartCatalog.NameOf(type) is { } name) values[ConfigMap.Kind] = name;
        foreach (var property in OptionNames.Properties(type)) values[OptionNames.Key(property.Name)] = Value(property.GetValue(record));
        return values;
    }

    /// <summary>One value.</summary>
    public static object? Value(object? value) => value switch
    {
        null => null,
        StepSizeRule rule => rule.Formula,
        // A part without options is its name alone.
        IOptionsRecord part
            when OptionNames.PartKind(part.GetType()) is not null && PartCatalog.NameOf(part.GetType()) is { } name
                && OptionNames.Properties(part.GetType()).Count == 0 => name,
        IOptionsRecord record => Write(record),
        string text => text,
        bool flag => flag,
        Enum choice => OptionNames.Key(choice.ToString()),
        double or float => new ConfigNumber(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture)),
        IFormattable number and not ITuple => new ConfigNumber(number.ToString(null, CultureInfo.InvariantCulture)),
        ITuple tuple => Enumerable.Range(0, tuple.Length).Select(i => Value(tuple[i])).ToList(),
        IEnumerable items => items.Cast<object?>().Select(Value).ToList(),
        _ => PositionalParameters(value.GetType())
            .ToDictionary(p => OptionNames.Key(p.Name!), p => Value(value.GetType().GetProperty(p.Name!)!.GetValue(value))),
    };

    /// <summary>One value in the shortest form: of a part, its name and what differs from its own defaults.</summary>
    public static object? Brief(object? value)
    {
        if (value is not (null or string or StepSizeRule) && value is IEnumerable items)
            return items.Cast<object?>().Select(Brief).ToList();
        if (value is not IOptionsRecord part || value is StepSizeRule || OptionNames.PartKind(part.GetType()) is null
            || PartCatalog.NameOf(part.GetType()) is not { } name) return Value(value);
        var plain = part.GetType().GetConstructor([])?.Invoke(null);
        var values = new Dictionary<string, object?> { [ConfigMap.Kind] = name };
        foreach (var property in OptionNames.Properties(part.GetType()))
        {
            var own = Brief(property.GetValue(part));
            if (plain is not null && ConfigYaml.WriteInline(own) == ConfigYaml.WriteInline(Brief(property.GetValue(plain)))) continue;
            values[OptionNames.Key(property.Name)] = own;
        }
        return values.Count == 1 ? name : values;
    }

    /// <summary>The constructor parameters of a positional record or struct, each of which is a property too.</summary>
    public static ParameterInfo[] PositionalParameters(Type type)
        => FindPositionalParameters(type)
            ?? throw new NotSupportedException(
                $"{type.Name} cannot stand in a recipe: it is neither an options record nor a positional record.");

    /// <summary>As above; null for other types.</summary>
    public static ParameterInfo[]? FindPositionalParameters(Type type)
        => type.GetConstructors().Select(c => c.GetParameters())
            .Where(p => p.Length > 0 && p.All(part => type.GetProperty(part.Name!) is not null)).MaxBy(p => p.Length);
}
