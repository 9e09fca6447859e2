using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Fills an options record from a map of a recipe, and writes a record back as YAML values.</summary>
internal static class OptionsBinder
{
    /// <summary>A copy of <paramref name="defaults"/> with the values of <paramref name="map"/>; every problem is reported at once.</summary>
    public static IOptionsRecord Bind(IOptionsRecord defaults, ConfigMap? map, string section, ConfigSource recipe)
    {
        var problems = new List<(ConfigSource, string)>();
        var bound = (IOptionsRecord)BindRecord(defaults, map, section, problems);
        if (problems.Count == 0)
        {
            foreach (var problem in bound.Validate())
            {
                var key = string.Join('.', problem.Field.Split('.').Select(SnakeCase));
                var renamed = problem with { Field = section.Length == 0 ? key : $"{section}.{key}" };
                problems.Add((SourceOf(map, key) ?? recipe, renamed.ToString()));
            }
        }
        return problems.Count == 0 ? bound : throw new ConfigException(problems);
    }

    /// <summary>The properties that a recipe may set, in the order of their declaration.</summary>
    public static IReadOnlyList<PropertyInfo> Properties(Type record)
        => [.. record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite && p.GetIndexParameters().Length == 0).OrderBy(p => p.MetadataToken)];

    /// <summary>"LearningRate" to "learning_rate".</summary>
    public static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])))) text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }

    /// <summary>A record as nested dictionaries, lists and texts, ready to be written.</summary>
    public static Dictionary<string, object?> Unbind(IOptionsRecord record)
        => Properties(record.GetType()).ToDictionary(p => SnakeCase(p.Name), p => Plain(p.GetValue(record)));

    private static object? Plain(object? value) => value switch
    {
        null => null,
        StepSizeRule rule => rule.Formula,
        IOptionsRecord record => Unbind(record),
        string text => text,
        bool flag => flag,
        Enum choice => SnakeCase(choice.ToString()),
        double or float => new ConfigNumber(((IFormattable)value).ToString("R", CultureInfo.InvariantCulture)),
        IFormattable number and not ITuple => new ConfigNumber(number.ToString(null, CultureInfo.InvariantCulture)),
        ITuple tuple => Enumerable.Range(0, tuple.Length).Select(i => Plain(tuple[i])).ToList(),
        IEnumerable items => items.Cast<object?>().Select(Plain).ToList(),
        _ => PositionalParts(value.GetType()).ToDictionary(p => SnakeCase(p.Name!), p => Plain(value.GetType().GetProperty(p.Name!)!.GetValue(value))),
    };

    // The constructor parameters of a positional record or struct, each of which is a property too.
    private static ParameterInfo[] PositionalParts(Type type)
        => type.GetConstructors().Select(c => c.GetParameters()).Where(p => p.Length > 0 && p.All(part => type.GetProperty(part.Name!) is not null)).MaxBy(p => p.Length)
            ?? throw new NotSupportedException($"{type.Name} cannot stand in a recipe: it is neither an options record nor a positional record.");

    private static object BindRecord(object defaults, ConfigMap? map, string path, List<(ConfigSource, string)> problems)
    {
        if (map is null) return defaults;
        var type = defaults.GetType();
        // Records copy themselves through a method that the compiler hides from C#.
        var copy = type.GetMethod("<Clone>$")!.Invoke(defaults, null)!;
        var properties = Properties(type).ToDictionary(p => SnakeCase(p.Name));
        foreach (var (key, node) in map.Items)
        {
            var where = path.Length == 0 ? key : $"{path}.{key}";
            if (!properties.TryGetValue(key, out var property))
            {
                problems.Add((node.Source, $"unknown key '{where}'.{NearestName.Suggest(key, properties.Keys)} Known keys: {string.Join(", ", properties.Keys)}."));
                continue;
            }
            var value = Convert(node, property.PropertyType, property.GetValue(defaults), where, problems);
            if (value is not Failed) property.SetValue(copy, value);
        }
        return copy;
    }

    private static object? Convert(ConfigNode node, Type type, object? current, string path, List<(ConfigSource, string)> problems)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        switch (node)
        {
            case ConfigMap map when typeof(IOptionsRecord).IsAssignableFrom(inner) && inner != typeof(StepSizeRule):
                return BindRecord(current ?? Activator.CreateInstance(inner)!, map, path, problems);
            case ConfigMap map when inner is { IsPrimitive: false, IsEnum: false, IsAbstract: false } && ElementType(inner) is null && inner != typeof(string):
                return BindPositional(map, inner, path, problems);
            case ConfigList list when typeof(ITuple).IsAssignableFrom(inner):
                return BindTuple(list, inner, path, problems);
            case ConfigText { Plain: true, Value: "null" or "~" or "" } when inner != type || (!type.IsValueType && (type != typeof(string) || current is null)):
                return null;
            case ConfigText text when ElementType(inner) is { } single:
                // One value, or several with commas as the command line writes them, stand for a list.
                var parts = text.Value.Trim('[', ']').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                return Convert(new ConfigList(text.Source, parts.Select(p => (ConfigNode)new ConfigText(text.Source, p, true)).ToList()), type, current, path, problems);
            case ConfigText text:
                return ConvertText(text, inner, path, problems);
            case ConfigList list when ElementType(inner) is { } element:
                var items = list.Items.Select((item, i) => Convert(item, element, null, $"{path}[{i}]", problems)).ToList();
                if (items.Any(i => i is Failed)) return Failed.Instance;
                var array = Array.CreateInstance(element, items.Count);
                for (var i = 0; i < items.Count; i++) array.SetValue(items[i], i);
                return inner.IsAssignableFrom(array.GetType()) ? array : Activator.CreateInstance(inner, array);
            default:
                problems.Add((node.Source, $"{path} is a {(node is ConfigMap ? "map" : "list")}; expected {Describe(inner)}."));
                return Failed.Instance;
        }
    }

    private static object? BindTuple(ConfigList list, Type type, string path, List<(ConfigSource, string)> problems)
    {
        var parts = type.GetGenericArguments();
        if (list.Items.Count != parts.Length)
        {
            problems.Add((list.Source, $"{path} has {list.Items.Count} values; expected {parts.Length}."));
            return Failed.Instance;
        }
        var values = list.Items.Select((item, i) => Convert(item, parts[i], null, $"{path}[{i}]", problems)).ToArray();
        return values.Any(v => v is Failed) ? Failed.Instance : Activator.CreateInstance(type, values);
    }

    private static object? BindPositional(ConfigMap map, Type type, string path, List<(ConfigSource, string)> problems)
    {
        var parts = PositionalParts(type);
        var names = parts.Select(p => SnakeCase(p.Name!)).ToList();
        var known = true;
        foreach (var (key, node) in map.Items.Where(i => !names.Contains(i.Key)))
        {
            problems.Add((node.Source, $"unknown key '{path}.{key}'.{NearestName.Suggest(key, names)} Known keys: {string.Join(", ", names)}."));
            known = false;
        }
        foreach (var missing in names.Where(n => map[n] is null))
        {
            problems.Add((map.Source, $"{path} lacks '{missing}'."));
            known = false;
        }
        if (!known) return Failed.Instance;
        var values = parts.Select((part, i) => Convert(map[names[i]]!, part.ParameterType, null, $"{path}.{names[i]}", problems)).ToArray();
        return values.Any(v => v is Failed) ? Failed.Instance : Activator.CreateInstance(type, values);
    }

    private static object ConvertText(ConfigText text, Type type, string path, List<(ConfigSource, string)> problems)
    {
        var value = text.Value;
        var invariant = CultureInfo.InvariantCulture;
        if (type == typeof(string)) return value;
        if (type == typeof(bool) && bool.TryParse(value, out var flag)) return flag;
        if (type == typeof(double) && double.TryParse(value, NumberStyles.Float, invariant, out var real)) return real;
        if (type == typeof(float) && float.TryParse(value, NumberStyles.Float, invariant, out var single)) return single;
        if (type == typeof(ulong) && ulong.TryParse(value, NumberStyles.Integer, invariant, out var unsigned)) return unsigned;
        if (type == typeof(uint) && uint.TryParse(value, NumberStyles.Integer, invariant, out var smaller)) return smaller;
        if ((type == typeof(int) || type == typeof(long)) && TryWhole(value, out var whole))
        {
            if (type == typeof(long)) return whole;
            if (whole is >= int.MinValue and <= int.MaxValue) return (int)whole;
        }
        if (type == typeof(StepSizeRule))
        {
            try
            {
                return StepSizeRule.Parse(value);
            }
            catch (FormatException e)
            {
                problems.Add((text.Source, $"{path}: {e.Message}"));
                return Failed.Instance;
            }
        }
        if (type.IsEnum)
        {
            foreach (var name in Enum.GetNames(type))
            {
                if (ConfigMap.Canonical(value).Equals(SnakeCase(name), StringComparison.OrdinalIgnoreCase) || value.Equals(name, StringComparison.OrdinalIgnoreCase)) return Enum.Parse(type, name);
            }
            var names = Enum.GetNames(type).Select(SnakeCase).ToList();
            problems.Add((text.Source, $"{path} is '{value}'; allowed: {string.Join(", ", names)}.{NearestName.Suggest(value, names)}"));
            return Failed.Instance;
        }
        problems.Add((text.Source, $"{path} is '{value}'; expected {Describe(type)}."));
        return Failed.Instance;
    }

    // "1e4" and "20_000" are whole numbers to people.
    private static bool TryWhole(string value, out long whole)
    {
        var text = value.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)) return true;
        if (!text.Contains('e', StringComparison.OrdinalIgnoreCase)) return false;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) || real != Math.Floor(real) || Math.Abs(real) > 9e15) return false;
        whole = (long)real;
        return true;
    }

    private static Type? ElementType(Type type)
    {
        if (type == typeof(string)) return null;
        if (type.IsArray) return type.GetElementType();
        return type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments()[0] : null;
    }

    private static string Describe(Type type)
    {
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(ulong) || type == typeof(uint)) return "a whole number from 0 up";
        if (type == typeof(double) || type == typeof(float)) return "a number";
        if (ElementType(type) is { } element) return $"a list of values, each {Describe(element)}";
        if (type == typeof(StepSizeRule)) return "a step-size rule such as 0.1 or linear(1, 0.05, 10000)";
        return typeof(IOptionsRecord).IsAssignableFrom(type) ? "a map of keys and values" : "a text";
    }

    private static ConfigSource? SourceOf(ConfigMap? map, string path)
    {
        ConfigNode? node = map;
        foreach (var part in path.Split('.'))
        {
            if (node is not ConfigMap inner) return null;
            node = inner[part];
        }
        return node?.Source;
    }

    private sealed class Failed
    {
        public static readonly Failed Instance = new();
    }
}
