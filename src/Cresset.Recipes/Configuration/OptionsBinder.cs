using System.Runtime.CompilerServices;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Fills option records from a map of a recipe. A value whose type is the head of a kind of parts takes a part's name (<c>optimizer:
/// lion</c>), a map that names it (<c>{kind: lion, beta1: 0.95}</c>), or a map without a kind, which changes the part that is there.
/// </summary>
/// <param name="parts">Where parts are found.</param>
internal sealed class OptionsBinder(PartCatalog parts)
{
    /// <summary>
    /// A copy of <paramref name="defaults"/> with the values of <paramref name="node"/>; every problem is reported at once.
    /// </summary>
    /// <exception cref="ConfigException">An unknown key or part, or a value that is not allowed.</exception>
    public IOptionsRecord Bind(IOptionsRecord defaults, ConfigNode? node, string section, ConfigSource recipe)
    {
        ArgumentNullException.ThrowIfNull(defaults);
        if (node is null or ConfigText { IsNull: true }) node = new ConfigMap(recipe);
        var problems = new Problems();
        var kind = OptionNames.PartKind(defaults.GetType());
        var value = kind is not null ? BindPart(node, kind, defaults, section, problems)
            : node is ConfigMap map ? BindRecord(defaults, map, section, problems)
            : problems.Add(node.Source, $"'{section}' must be a map of keys and values.");
        if (value is IOptionsRecord bound)
        {
            foreach (var problem in bound.Validate())
            {
                var key = string.Join('.', problem.Field.Split('.').Select(OptionNames.Key));
                problems.Add(SourceOf(node as ConfigMap, key) ?? recipe,
                    (problem with { Field = section.Length == 0 ? key : $"{section}.{key}" }).ToString());
            }
            if (problems.Count == 0) return bound;
        }
        throw new ConfigException(problems.All);
    }

    private object BindPart(ConfigNode node, string kind, object? current, string path, Problems problems)
    {
        var name = node switch
        {
            ConfigText text => text,
            ConfigMap map => map[ConfigMap.Kind],
            _ => null,
        };
        if (node is ConfigList || name is not (null or ConfigText))
            return problems.Add(node.Source, $"{path} is a list; expected the name of a part of kind {kind}.");
        var part = current;
        if (name is ConfigText wanted)
        {
            var entry = parts.Find(kind, wanted.Value);
            string? refused = null;
            if (entry is null && (part = OptionNames.PartOfText(parts, kind, wanted.Value, out refused)) is null && refused is not null
                && !parts.All.Any(p => p.IsNamed(wanted.Value))) return problems.Add(wanted.Source, $"{path}: {refused}");
            if (entry is null && part is null)
            {
                var unknown = parts.Unknown(kind, wanted.Value);
                return problems.Add(wanted.Source, $"{path}: {unknown}"
                    + (kind == "data" ? " The path of a folder or file that exists is taken too." : "")
                    + (NearestName.Find(wanted.Value, parts.Of(kind).Select(p => p.Name)) is not null ? ""
                        : " One of your own needs its assembly: --with My.dll."));
            }
            // The same part keeps what the job or the record around it gave as defaults; another one begins with its own.
            if (entry is not null && current?.GetType() != entry.Type) part = entry.Create();
        }
        if (part is null)
            return problems.Add(node.Source,
                $"{path} names no part; write '{ConfigMap.Kind}: name' with one of "
                    + $"{string.Join(", ", parts.Of(kind).Select(p => p.Name))}.");
        return node is ConfigMap values ? BindRecord(part, values, path, problems, ConfigMap.Kind) : part;
    }

    private object BindRecord(object defaults, ConfigMap map, string path, Problems problems, string? except = null)
    {
        var type = defaults.GetType();
        // Records copy themselves through a method that the compiler hides from C#.
        var copy = type.GetMethod("<Clone>$")?.Invoke(defaults, null)
            ?? throw new InvalidOperationException($"{type.Name} is not a record.");
        var properties = OptionNames.Keys(type);
        foreach (var (key, node) in map.Items.Where(i => i.Key != except))
        {
            var where = path.Length == 0 ? key : $"{path}.{key}";
            if (!properties.TryGetValue(key, out var property))
            {
                problems.Add(node.Source, $"unknown key '{where}'.{Suggest(key, defaults, properties.Keys)}");
                continue;
            }
            var value = Convert(node, property.PropertyType, property.GetValue(defaults), where, problems);
            if (value is not Failed) property.SetValue(copy, value);
        }
        return copy;
    }

    private string Suggest(string key, object defaults, IEnumerable<string> keys)
    {
        var nearest = NearestName.Find(key, keys);
        return nearest is null
            ? keys.Any() ? $" Known keys: {string.Join(", ", keys)}." : " It has no options."
            : $" Did you mean '{nearest}'? {new OptionFacts(parts, defaults).Describe(nearest)}";
    }

    private object? Convert(ConfigNode node, Type type, object? current, string path, Problems problems)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        if (node is ConfigText { IsNull: true } && (inner != type || (!type.IsValueType && (type != typeof(string) || current is null))))
            return null;
        if (OptionNames.PartKind(inner) is { } kind) return BindPart(node, kind, current, path, problems);
        switch (node)
        {
            case ConfigMap map when typeof(IOptionsRecord).IsAssignableFrom(inner):
                return BindRecord(current ?? Activator.CreateInstance(inner)!, map, path, problems);
            case ConfigMap map
                when inner is { IsPrimitive: false, IsEnum: false, IsAbstract: false } && OptionText.ElementType(inner) is null
                    && inner != typeof(string):
                return BindPositional(map, inner, path, problems);
            case ConfigList list when typeof(ITuple).IsAssignableFrom(inner):
                return BindTuple(list, inner, path, problems);
            case ConfigText text when OptionText.ElementType(inner) is not null:
                // One value, or several with commas as the command line writes them, stand for a list.
                var items = text.Value.Trim('[', ']').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
                return Convert(new ConfigList(text.Source, [.. items.Select(p => new ConfigText(text.Source, p, true))]), type, current,
                    path, problems);
            case ConfigText text:
                var value = OptionText.Parse(text.Value, inner, out var problem);
                return problem is null ? value
                    : problems.Add(text.Source,
                        problem.StartsWith("is ", StringComparison.Ordinal) ? $"{path} {problem}" : $"{path}: {problem}");
            case ConfigList list when OptionText.ElementType(inner) is { } element:
                return BindList(list, inner, element, path, problems);
            default:
                return problems.Add(node.Source,
                    $"{path} is a {(node is ConfigMap ? "map" : "list")}; expected {OptionText.Describe(inner)}.");
        }
    }

    private object? BindList(ConfigList list, Type type, Type element, string path, Problems problems)
    {
        var items = list.Items.Select((item, i) => Convert(item, element, null, $"{path}[{i}]", problems)).ToList();
        if (items.Any(i => i is Failed)) return Failed.Instance;
        var array = Array.CreateInstance(element, items.Count);
        for (var i = 0; i < items.Count; i++) array.SetValue(items[i], i);
        return type.IsInstanceOfType(array) ? array : Activator.CreateInstance(type, array);
    }

    private object? BindTuple(ConfigList list, Type type, string path, Problems problems)
    {
        var types = type.GetGenericArguments();
        if (list.Items.Count != types.Length)
            return problems.Add(list.Source, $"{path} has {list.Items.Count} values; expected {types.Length}.");
        var values = list.Items.Select((item, i) => Convert(item, types[i], null, $"{path}[{i}]", problems)).ToArray();
        return values.Any(v => v is Failed) ? Failed.Instance : Activator.CreateInstance(type, values);
    }

    private object? BindPositional(ConfigMap map, Type type, string path, Problems problems)
    {
        var parameters = OptionsWriter.PositionalParameters(type);
        var names = parameters.Select(p => OptionNames.Key(p.Name!)).ToList();
        var before = problems.Count;
        foreach (var (key, node) in map.Items.Where(i => !names.Contains(i.Key)))
            problems.Add(node.Source,
                $"unknown key '{path}.{key}'.{NearestName.Suggest(key, names)} Known keys: {string.Join(", ", names)}.");
        foreach (var missing in names.Where(n => map[n] is null)) problems.Add(map.Source, $"{path} lacks '{missing}'.");
        if (problems.Count > before) return Failed.Instance;
        var values = parameters.Select((p, i) => Convert(map[names[i]]!, p.ParameterType, null, $"{path}.{names[i]}", problems)).ToArray();
        return values.Any(v => v is Failed) ? Failed.Instance : Activator.CreateInstance(type, values);
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

    private sealed class Problems
    {
        private readonly List<(ConfigSource, string)> _all = [];

        public int Count => _all.Count;

        public IReadOnlyList<(ConfigSource, string)> All => _all;

        public Failed Add(ConfigSource source, string message)
        {
            _all.Add((source, message));
            return Failed.Instance;
        }
    }

    private sealed class Failed
    {
        public static readonly Failed Instance = new();
    }
}
