namespace Cresset.Recipes;

/// <summary>The first version restarted codes below an absolute count, <c>restart_threshold</c>; now it is a share of an even spread, <c>restart_share</c>.</summary>
internal static class OldRestartKey
{
    private const string Old = "restart_threshold";

    /// <summary>Rewrites the settings of a stored run, whose model is the same under either rule; in a recipe says what to write instead.</summary>
    /// <exception cref="ConfigException">A recipe has the old key: the count that was meant cannot be told from it.</exception>
    public static void Move(ConfigMap recipe, string section)
    {
        if (recipe[section] is not ConfigMap map || map[Old] is not { } value) return;
        if (Path.GetFileName(value.Source.File) != "config.yaml")
            throw new ConfigException(value.Source, $"{section}.{Old} was an absolute count and is no longer an option: write restart_share: 0 to switch restarts off, or leave it out for 0.2, a share of an even spread.");
        map.Remove(Old);
        if (value is ConfigText { Value: "0" or "0.0" } never) map.Set("restart_share", never);
    }
}
