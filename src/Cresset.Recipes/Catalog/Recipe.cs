using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A recipe as written: YAML that names a job and fills its options.</summary>
public sealed class Recipe
{
    private static readonly string[] Reserved = ["name", "summary", "job", "subject", RecipeComparison.Section];
    private readonly ConfigMap _map;
    private readonly PartCatalog _parts;

    private Recipe(string name, string source, string yaml, ConfigMap map, IJob job, PartCatalog parts)
    {
        (Name, Source, Yaml, _map, Job, _parts) = (name, source, yaml, map, job, parts);
        // A job of somebody's own may have a section of that name.
        Comparison = job.Sections.Any(s => s.Name == RecipeComparison.Section) ? null : RecipeComparison.Read(map, parts);
    }

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

    /// <summary>The settings that it compares when it is swept; null for none.</summary>
    public RecipeComparison? Comparison { get; }

    /// <summary>Under which heading it is listed.</summary>
    public string Subject => (_map["subject"] as ConfigText)?.Value ?? "Other";

    /// <summary>The sections as they stand without overrides; those that want a value of the user's own with their defaults.</summary>
    public IReadOnlyDictionary<string, IOptionsRecord> ResolveForHelp()
    {
        try
        {
            return Fill([]).Options;
        }
        catch (ConfigException)
        {
            // A recipe for the user's own files is incomplete by itself, and still has options to show.
            return Job.Sections.ToDictionary(s => s.Name, s => s.Defaults);
        }
    }

    /// <summary>Reads a recipe and finds its job.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="name">Its name where the text gives none.</param>
    /// <param name="parts">What it may name.</param>
    /// <exception cref="ConfigException">This is not valid YAML, or names an unknown job.</exception>
    public static Recipe Parse(string yaml, string source, string name, PartCatalog parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var map = ConfigNode.Parse(yaml, source);
        var jobs = parts.Of(JobKind).Select(p => p.Name);
        if (map["job"] is not ConfigText wanted)
            throw new ConfigException(map.Source, $"the key 'job' is missing; it names what the recipe runs: {string.Join(", ", jobs)}.");
        var job = parts.Find(JobKind, wanted.Value)?.Create() as IJob
            ?? throw new ConfigException(wanted.Source,
                $"{parts.Unknown(JobKind, wanted.Value)} A job of your own needs its assembly: --with My.dll.");
        if (map["name"] is ConfigText { IsNull: false } given) name = CheckedName(given);
        return new Recipe(name, source, yaml, map, job, parts);
    }

    /// <summary>
    /// Fills every section from defaults, the recipe and overrides, in this order. An override is <c>section.key=value</c>, or
    /// <c>key=value</c>
    /// where only one place has the key; <c>lr</c>, <c>wd</c> and <c>bs</c> stand for learning_rate, weight_decay and batch_size.
    /// </summary>
    /// <exception cref="ConfigException">An unknown key or a value that is not allowed; all problems are listed.</exception>
    public ResolvedRecipe Resolve(IEnumerable<string>? overrides = null)
    {
        string[] given = [.. overrides ?? []];
        var resolved = Fill(given);
        return given.Length == 0 ? resolved : resolved with { Replaced = Replaced(resolved) };
    }

    // Of a recipe that is incomplete by itself only the sections' defaults can be told.
    private Dictionary<string, string> Replaced(ResolvedRecipe resolved)
    {
        var own = (resolved with { Options = ResolveForHelp() }).Flatten();
        return resolved.Flatten().Where(f => own.GetValueOrDefault(f.Key) != f.Value)
            .ToDictionary(f => f.Key, f => own.GetValueOrDefault(f.Key, "not set"));
    }

    private ResolvedRecipe Fill(string[] overrides)
    {
        var map = ConfigNode.Parse(Yaml, Source);
        var keys = new RecipeKeys(Job, _parts);
        // Before the overrides, so that they reach the keys' new places; after them, since they too may name old places.
        (Job as IUpgradesRecipes)?.Upgrade(map);
        Place(map, keys);
        foreach (var text in overrides) Override(map, keys, text);
        (Job as IUpgradesRecipes)?.Upgrade(map);
        EarlierKeys.Rewrite(map, Job, _parts);
        var binder = new OptionsBinder(_parts);
        var bound = Job.Sections.ToDictionary(s => s.Name, s => binder.Bind(s.Defaults, map[s.Name], s.Name, new ConfigSource(Source, 0)));
        return new ResolvedRecipe(Name, Summary, Job, bound);
    }

    /// <summary>
    /// Overrides that begin with <paramref name="word"/>: <c>key=</c> for each key, and after a '=' the values of the key where they can be
    /// told.
    /// </summary>
    /// <param name="word">What is written so far; may be empty.</param>
    /// <param name="before">Overrides that stand before it: they choose the parts whose keys there are.</param>
    public IReadOnlyList<string> Completions(string word, IEnumerable<string> before)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(before);
        var map = ConfigNode.Parse(Yaml, Source);
        var keys = new RecipeKeys(Job, _parts);
        (Job as IUpgradesRecipes)?.Upgrade(map);
        Place(map, keys);
        foreach (var text in before) Override(map, keys, text);
        (Job as IUpgradesRecipes)?.Upgrade(map);
        EarlierKeys.Rewrite(map, Job, _parts);
        return [.. new RecipeCompletion(Job, _parts, map).Of(word)];
    }

    internal const string JobKind = "job";

    /// <summary>Whether an override of this key would be known.</summary>
    internal bool HasKey(string key)
    {
        var map = ConfigNode.Parse(Yaml, Source);
        var keys = new RecipeKeys(Job, _parts);
        (Job as IUpgradesRecipes)?.Upgrade(map);
        Place(map, keys);
        return keys.Find(ConfigMap.Canonical(key), map) is not null;
    }

    // A key beside the sections belongs where only one place has it, as on the command line. Before the overrides, which win.
    private void Place(ConfigMap map, RecipeKeys keys)
    {
        var sections = Job.Sections.Select(s => s.Name).ToList();
        foreach (var (key, node) in map.Items.Where(i => !Reserved.Contains(i.Key) && !sections.Contains(i.Key)).ToList())
        {
            var path = keys.Find(key, map) ?? throw new ConfigException(node.Source,
                $"unknown section '{key}'.{NearestName.Suggest(key, sections.Concat(Reserved))} Sections of job '{Job.Name}': "
                    + $"{string.Join(", ", sections)}.");
            if (Has(map, path)) throw new ConfigException(node.Source, $"'{key}' is given twice: here and as {path}.");
            map.Remove(key);
            Set(map, path, node);
        }
    }

    private static bool Has(ConfigMap map, string path)
    {
        ConfigNode? node = map;
        foreach (var key in path.Split('.')) node = (node as ConfigMap)?[key];
        return node is not null;
    }

    private static void Override(ConfigMap map, RecipeKeys keys, string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new ConfigException(ConfigSource.CommandLine,
                $"'{text}' is not an override; write key=value, for example trainer.steps=500.");
        var path = keys.FullPath(ConfigMap.Canonical(text[..equals].Trim()), map);
        Set(map, path, ConfigNode.ParseValue(text[(equals + 1)..], text[..equals]));
    }

    private static void Set(ConfigMap map, string path, ConfigNode value)
    {
        var keys = path.Split('.');
        var target = map;
        foreach (var part in keys[..^1])
        {
            if (target[part] is not ConfigMap next)
            {
                next = new ConfigMap(value.Source);
                // A part in its short form becomes the long one, so that its options can be set beside its name.
                if (target[part] is ConfigText { IsNull: false } kindName) next.Set(ConfigMap.Kind, kindName);
                target.Set(part, next);
            }
            target = next;
        }
        // Naming the part that is already there keeps its options.
        if (value is ConfigText name && target[keys[^1]] is ConfigMap { } named && named[ConfigMap.Kind] is ConfigText kind
            && Same(kind, name)) return;
        // Several keys at once are as each alone; only another part begins anew.
        if (value is ConfigMap given && target[keys[^1]] is { } there && !NamesAnother(given, there))
        {
            foreach (var (key, item) in given.Items.ToList()) Set(map, $"{path}.{key}", item);
            return;
        }
        target.Set(keys[^1], value);
    }

    private static bool NamesAnother(ConfigMap given, ConfigNode there)
        => given[ConfigMap.Kind] is ConfigText kind && (there is ConfigMap map ? map[ConfigMap.Kind] : there) is var now
            && !(now is ConfigText text && Same(text, kind));

    private static bool Same(ConfigText one, ConfigText other) => ConfigMap.Canonical(one.Value) == ConfigMap.Canonical(other.Value);

    // The name becomes part of a folder's name.
    private static string CheckedName(ConfigText name)
    {
        var ok = name.Value.Length <= 100 && name.Value.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or ' ' or '+')
            && !name.Value.StartsWith('.');
        return ok ? name.Value
            : throw new ConfigException(name.Source,
                $"the name '{name.Value}' must consist of at most 100 letters, digits, blanks, '-', '_', '+' and '.', and not begin with "
                    + $"'.'.");
    }
}
