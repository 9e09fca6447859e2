namespace Cresset.Recipes;

/// <summary>A job whose recipes and runs of an earlier version are still read: keys move to where they are now.</summary>
internal interface IUpgradesRecipes
{
    /// <summary>Moves old keys; a recipe of this version stays as it is.</summary>
    void Upgrade(ConfigMap recipe);

    /// <summary>Where an earlier version had a key that is named without its section; null for a key that it did not have.</summary>
    string? Earlier(string key) => null;
}
