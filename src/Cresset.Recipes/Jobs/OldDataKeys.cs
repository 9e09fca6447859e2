using Cresset.Data;

namespace Cresset.Recipes;

/// <summary>Where recipes and runs of the first version named their data: as a text in the section of the model.</summary>
internal static class OldDataKeys
{
    private static readonly string[] FolderKeys = ["size", "channels"];

    /// <summary>Moves <c>model.data</c>, with the size and channels of a folder's pictures, to the section <c>data</c>.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="section">The section that holds the old keys.</param>
    public static void Move(ConfigMap recipe, string section)
    {
        if (recipe[section] is not ConfigMap old) return;
        if (old["data"] is { } named)
        {
            old.Remove("data");
            var data = named;
            if (named is ConfigText { IsNull: false } text && IsRun(text.Source))
            {
                // A run of the first version held no validation part back: resumed with one, it would learn from other pictures.
                var map = new ConfigMap(text.Source);
                map.Set(ConfigMap.Kind, text);
                var split = new ConfigMap(text.Source);
                var isFolder = text.Value is not ("digits" or "fashion") && DataSource.FromText(text.Value) is FolderData;
                split.Set(ConfigMap.Kind, new ConfigText(text.Source, isFolder ? "share" : "given", true));
                split.Set("validation", new ConfigText(text.Source, "0", true));
                map.Set("split", split);
                data = map;
            }
            recipe.Set("data", data);
        }
        foreach (var key in FolderKeys)
        {
            if (old[key] is not { } value) continue;
            old.Remove(key);
            Folder(recipe)?.Set(key, value);
        }
    }

    // Sizes were written for every data set and counted for folders alone.
    private static ConfigMap? Folder(ConfigMap recipe)
    {
        var name = recipe["data"] is ConfigMap map ? map[ConfigMap.Kind] as ConfigText : recipe["data"] as ConfigText;
        if (name is null || (name.Value != "folder" && DataSource.FromText(name.Value) is not FolderData)) return null;
        if (recipe["data"] is ConfigMap there) return there;
        var made = new ConfigMap(name.Source);
        made.Set(ConfigMap.Kind, name);
        recipe.Set("data", made);
        return made;
    }

    private static bool IsRun(ConfigSource source) => Path.GetFileName(source.File) == "config.yaml";
}
