using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Priors had <c>by_class</c> and <c>class_dropout</c> before what they are told became a part, <c>condition</c>.
/// </summary>
internal static class OldPriorKeys
{
    private const string Section = "model", ByClass = "by_class", Dropout = "class_dropout", Condition = "condition";

    /// <summary>Keys that stood in the section.</summary>
    public static IReadOnlyList<string> Keys { get; } = [ByClass, Dropout];

    /// <summary>Rewrites the section in place.</summary>
    /// <exception cref="ConfigException">Old and new keys say different things, or an old one neither true nor false.</exception>
    public static void Move(ConfigMap recipe)
    {
        if (recipe[Section] is not ConfigMap model) return;
        if (model[ByClass] is { } told) MoveByClass(model, told);
        if (model[Dropout] is not { } dropout) return;
        model.Remove(Dropout);
        // Without a class there was none to hide.
        if (NameOf(model) == "none") return;
        var part = model[Condition] as ConfigMap ?? new ConfigMap(dropout.Source);
        if (model[Condition] is ConfigText { IsNull: false } name) part.Set(ConfigMap.Kind, name);
        part.Set("dropout", dropout);
        model.Set(Condition, part);
    }

    private static void MoveByClass(ConfigMap model, ConfigNode told)
    {
        var isTold = (told as ConfigText)?.Value.ToLowerInvariant() switch
        {
            "true" => true,
            "false" => false,
            _ => throw new ConfigException(told.Source,
                $"{Section}.{ByClass} is '{(told as ConfigText)?.Value}'; expected true or false. It is {Section}.{Condition}=class or "
                    + "none now."),
        };
        var name = NameOf(model);
        if (name == (isTold ? "class" : "none"))
        {
            model.Remove(ByClass);
            return;
        }
        if (model[Condition] is not null && told.Source != ConfigSource.CommandLine)
            throw new ConfigException(told.Source,
                $"{Section}.{ByClass} and {Section}.{Condition} ({name}) are two conditions at once: leave {ByClass} out.");
        model.Remove(ByClass);
        model.Set(Condition, new ConfigText(told.Source, isTold ? "class" : "none", true));
    }

    // The part's name as its catalog writes it; the class where none is named.
    private static string NameOf(ConfigMap model)
    {
        var name = model[Condition] switch
        {
            ConfigText { IsNull: false } text => text.Value,
            ConfigMap map when map[ConfigMap.Kind] is ConfigText { IsNull: false } kind => kind.Value,
            _ => "class",
        };
        return BuiltInParts.Catalog.Find(Condition, name)?.Name ?? name;
    }
}
