using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// What a recipe compares when it is swept without settings of the command's own: its section <c>compare</c>. The map <c>settings</c> in it
/// gives each setting a name and the words that a command would have, such as <c>optimizer=lion lr=1e-4,3e-4</c>.
/// </summary>
public sealed record RecipeComparison : IOptionsRecord
{
    internal const string Section = "compare";

    private const string SettingsKey = "settings";

    /// <summary>Repetitions of each setting with the seeds 0, 1, ...; 0 leaves the recipe's seed.</summary>
    public int Seeds { get; init; }

    /// <summary>The setting that differences are taken from, each run against that with the same seed; empty for none.</summary>
    public string Against { get; init; } = "";

    /// <summary>Whether more of the first figure is better: by it the best of several values is chosen.</summary>
    public bool HigherIsBetter { get; init; }

    /// <summary>The figures that the table shows; differences are of the first. Empty takes the first six of the runs.</summary>
    public IReadOnlyList<string> Figures { get; init; } = [];

    // Names are no keys: the section's binder must not see them.
    private IReadOnlyList<NamedSetting> _settings = [];

    /// <summary>The settings in their order.</summary>
    public IReadOnlyList<NamedSetting> Settings => _settings;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Seeds, 0, 1000)
        .Must(Against is not null, Against, "the name of a setting, or nothing", field: nameof(Against))
        .Must(Figures is not null && Figures.All(f => !string.IsNullOrWhiteSpace(f)), Figures, "names of figures", field: nameof(Figures));

    /// <summary>The section of a recipe; null where it has none.</summary>
    /// <exception cref="ConfigException">Something in it is not allowed.</exception>
    internal static RecipeComparison? Read(ConfigMap recipe, PartCatalog parts)
    {
        if (recipe[Section] is not { } node) return null;
        if (node is not ConfigMap map) throw new ConfigException(node.Source, $"'{Section}' must be a map of keys and values.");
        if (map[SettingsKey] is not ConfigMap named || !named.Items.Any())
            throw new ConfigException(map.Source,
                $"'{Section}' needs a map '{SettingsKey}' of names and words, such as lion: optimizer=lion lr=1e-4,3e-4.");
        var rest = new ConfigMap(map.Source);
        foreach (var (key, value) in map.Items.Where(i => i.Key != SettingsKey)) rest.Set(key, value);
        var options = (RecipeComparison)new OptionsBinder(parts).Bind(new RecipeComparison(), rest, Section, map.Source);
        var settings = named.Items.Select(i => NamedSetting.Read(i.Key, i.Value)).ToList();
        if (options.Against.Length > 0 && settings.All(s => s.Name != options.Against))
            throw new ConfigException(rest[nameof(Against).ToLowerInvariant()]!.Source,
                $"{Section}.against is '{options.Against}', which is the name of no setting: "
                    + $"{string.Join(", ", settings.Select(s => s.Name))}.");
        return options with { _settings = settings };
    }
}

/// <summary>A setting of a <see cref="RecipeComparison"/>.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Words">Overrides, each with one value or several.</param>
public sealed record NamedSetting(string Name, IReadOnlyList<string> Words)
{
    /// <summary>Words that stand between blanks; those within brackets, braces and quotes belong to a value.</summary>
    internal static NamedSetting Read(string name, ConfigNode node)
    {
        if (node is not ConfigText text)
            throw new ConfigException(node.Source,
                $"the setting '{name}' is not a text; write words as on the command line, in quotes where they hold braces.");
        var words = ConfigWords.Split(text.Value, char.IsWhiteSpace).Where(w => w.Length > 0).ToList();
        return words.Find(w => w.IndexOf('=', StringComparison.Ordinal) <= 0) is { } stray
            ? throw new ConfigException(node.Source, $"the setting '{name}' holds '{stray}', which is not of the form key=value.")
            : new NamedSetting(name, words);
    }
}
