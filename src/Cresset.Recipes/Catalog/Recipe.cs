using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A recipe as written: YAML that names a job and fills its options.</summary>
public sealed class Recipe
{
    private static readonly string[] Reserved = ["name", "summary", "job"];
    private readonly ConfigMap _map;

    private Recipe(string name, string source, string yaml, ConfigMap map, IJob job) => (Name, Source, Yaml, _map, Job) = (name, source, yaml, map, job);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The file, or "built in".</summary>
    public string Source { get; }

    /// <summary>The text.</summary>
    public string Yaml { get; }

    /// <summary>What it runs.</summary>
    public IJob Job { get; }

    /// <summary>One sentence.</summary>
    public string Summary => (_map["summary"] as ConfigText)?.Value ?? Job.Summary;

    /// <summary>Reads a recipe and finds its job.</summary>
    /// <exception cref="ConfigException">No valid YAML, or an unknown job or section.</exception>
    public static Recipe Parse(string yaml, string source, string name, IReadOnlyList<IJob> jobs)
    {
        ArgumentNullException.ThrowIfNull(jobs);
        var map = ConfigNode.Parse(yaml, source);
        if (map["job"] is not ConfigText wanted) throw new ConfigException(map.Source, $"the key 'job' is missing; it names what the recipe runs: {string.Join(", ", jobs.Select(j => j.Name))}.");
        var job = jobs.FirstOrDefault(j => j.Name == wanted.Value)
            ?? throw new ConfigException(wanted.Source, $"unknown job '{wanted.Value}'.{NearestName.Suggest(wanted.Value, jobs.Select(j => j.Name))} Known jobs: {string.Join(", ", jobs.Select(j => j.Name))}.");
        if (map["name"] is ConfigText given) name = given.Value;
        return new Recipe(name, source, yaml, map, job);
    }

    /// <summary>
    /// Fills every section from defaults, the recipe and overrides, in this order. An override is <c>section.key=value</c>,
    /// or <c>key=value</c> where only one section has the key.
    /// </summary>
    /// <exception cref="ConfigException">An unknown key or a value that is not allowed; all problems are listed.</exception>
    public ResolvedRecipe Resolve(IEnumerable<string>? overrides = null)
    {
        var map = ConfigNode.Parse(Yaml, Source);
        foreach (var text in overrides ?? []) Override(map, text);
        var sections = Job.Sections.ToDictionary(s => s.Name);
        foreach (var (key, node) in map.Items)
        {
            if (Reserved.Contains(key)) continue;
            if (!sections.ContainsKey(key)) throw new ConfigException(node.Source, $"unknown section '{key}'.{NearestName.Suggest(key, sections.Keys.Concat(Reserved))} Sections of job '{Job.Name}': {string.Join(", ", sections.Keys)}.");
            if (node is not ConfigMap and not ConfigText { Value: "" or "null" }) throw new ConfigException(node.Source, $"'{key}' must be a map of keys and values.");
        }
        var bound = Job.Sections.ToDictionary(s => s.Name, s => OptionsBinder.Bind(s.Defaults, map[s.Name] as ConfigMap, s.Name, new ConfigSource(Source, 0)));
        return new ResolvedRecipe(Name, Summary, Job, bound);
    }

    private void Override(ConfigMap map, string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw new ConfigException(ConfigSource.CommandLine, $"'{text}' is no override; write key=value, for example trainer.steps=500.");
        var path = FullPath(ConfigMap.Canonical(text[..equals])).Split('.');
        var target = map;
        foreach (var part in path[..^1])
        {
            if (target[part] is not ConfigMap next)
            {
                next = new ConfigMap(ConfigSource.CommandLine);
                target.Set(part, next);
            }
            target = next;
        }
        target.Set(path[^1], new ConfigText(ConfigSource.CommandLine, text[(equals + 1)..], true));
    }

    // A key without its section is found in the one section that has it.
    private string FullPath(string key)
    {
        var sections = Job.Sections.ToDictionary(s => s.Name, s => OptionsBinder.Properties(s.Defaults.GetType()).Select(p => OptionsBinder.SnakeCase(p.Name)).ToList());
        if (key.Contains('.', StringComparison.Ordinal))
        {
            var head = key.Split('.')[0];
            if (sections.ContainsKey(head)) return key;
            if (sections.Where(s => s.Value.Contains(head)).Select(s => s.Key).ToList() is [var owner]) return $"{owner}.{key}";
            throw new ConfigException(ConfigSource.CommandLine, $"unknown section '{head}' in '{key}'.{NearestName.Suggest(head, sections.Keys)} Sections of job '{Job.Name}': {string.Join(", ", sections.Keys)}.");
        }
        var owners = sections.Where(s => s.Value.Contains(key)).Select(s => s.Key).ToList();
        return owners.Count switch
        {
            1 => $"{owners[0]}.{key}",
            0 => throw new ConfigException(ConfigSource.CommandLine, $"unknown key '{key}'.{SuggestFull(key, sections)}"),
            _ => throw new ConfigException(ConfigSource.CommandLine, $"'{key}' is a key of several sections; write {string.Join(" or ", owners.Select(o => $"{o}.{key}"))}."),
        };
    }

    private static string SuggestFull(string key, Dictionary<string, List<string>> sections)
    {
        var nearest = NearestName.Find(key, sections.Values.SelectMany(k => k));
        return nearest is null
            ? " Known keys: " + string.Join(", ", sections.SelectMany(s => s.Value.Select(k => $"{s.Key}.{k}"))) + "."
            : $" Did you mean '{sections.First(s => s.Value.Contains(nearest)).Key}.{nearest}'?";
    }
}
