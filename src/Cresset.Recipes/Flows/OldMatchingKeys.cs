namespace Cresset.Recipes;

/// <summary>Flow matching of version 0.1 had a flag for its coupling and one number for its path; now both are parts.</summary>
internal static class OldMatchingKeys
{
    private const string Section = "model";
    private const string Transport = "optimal_transport";
    private const string Sigma = "sigma";

    /// <summary>Rewrites the section in place.</summary>
    /// <exception cref="ConfigException">The flag is not true or false.</exception>
    public static void Move(ConfigMap recipe)
    {
        if (recipe[Section] is not ConfigMap map) return;
        if (map[Transport] is { } flag)
        {
            var problem = "expected true or false.";
            var paired = flag is ConfigText text ? OptionText.Parse(text.Value, typeof(bool), out problem) as bool? : null;
            if (paired is null) throw new ConfigException(flag.Source, $"{Section}.{Transport} {problem}");
            map.Remove(Transport);
            map.Set("coupling", new ConfigText(flag.Source, paired == true ? "optimal-transport" : "independent", true));
        }
        var digits = map["digits"] is ConfigText { Value: var word } && OptionText.Parse(word, typeof(bool), out _) is true;
        if (map[Sigma] is { } sigma)
        {
            map.Remove(Sigma);
            // That version put no noise about the paths to digits, whatever the number.
            if (!digits || sigma.Source == ConfigSource.CommandLine) SetSigma(map, sigma);
        }
        if (digits && map["path"] is null) SetSigma(map, new ConfigText(map.Source, "0", true));
    }

    /// <summary>Where a key of that version stood that is named alone.</summary>
    public static string? Place(string key) => key is Transport ? $"{Section}.{key}" : null;

    private static void SetSigma(ConfigMap map, ConfigNode value)
    {
        var path = map["path"] as ConfigMap ?? new ConfigMap(value.Source);
        if (map["path"] is ConfigText { IsNull: false } name) path.Set(ConfigMap.Kind, name);
        path.Set(Sigma, value);
        map.Set("path", path);
    }
}
