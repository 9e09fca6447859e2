using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A recipe whose job and options are all known and valid.</summary>
/// <param name="Name">Recipe name or file stem.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Job">What it runs.</param>
/// <param name="Options">One record a section.</param>
public sealed record ResolvedRecipe(string Name, string Summary, IJob Job, IReadOnlyDictionary<string, IOptionsRecord> Options)
{
    /// <summary>What the recipe itself says of the settings that overrides changed, by dotted key.</summary>
    public IReadOnlyDictionary<string, string> Replaced { get; init; } = new Dictionary<string, string>();

    /// <summary>Every value, written out as a recipe that resolves to the same.</summary>
    public string ToYaml()
    {
        var root = new Dictionary<string, object?> { ["name"] = Name, ["summary"] = Summary, ["job"] = Job.Name };
        foreach (var (section, record) in Options) root[section] = OptionsWriter.Write(record);
        return ConfigYaml.Write(root);
    }

    /// <summary>Every value by dotted key, for the store of runs.</summary>
    public IReadOnlyDictionary<string, string> Flatten()
    {
        var flat = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["job"] = Job.Name };
        foreach (var (section, record) in Options) Add(section, OptionsWriter.Write(record));
        return flat;

        void Add(string path, object? value)
        {
            switch (value)
            {
                case Dictionary<string, object?> map:
                    foreach (var (key, inner) in map) Add($"{path}.{key}", inner);
                    break;
                default:
                    flat[path] = Text(value);
                    break;
            }
        }
    }

    // A list of parts or records says what is in them: equal texts must mean equal settings.
    private static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        List<object?> list => "[" + string.Join(", ", list.Select(Text)) + "]",
        Dictionary<string, object?> map => "{" + string.Join(", ", map.Select(m => $"{m.Key}: {Text(m.Value)}")) + "}",
        _ => value.ToString()!,
    };
}
