namespace Cresset.Recipes;

/// <summary>A run that a sweep makes.</summary>
/// <param name="Setting">The values of what varies; repetitions of a setting have the same.</param>
/// <param name="Recipe">What is run.</param>
public sealed record PlannedRun(IReadOnlyList<string> Setting, ResolvedRecipe Recipe)
{
    /// <summary>The name of the setting among those that a recipe compares; empty otherwise.</summary>
    public string Name { get; init; } = "";

    /// <summary>Name and values; empty where nothing varies.</summary>
    public string Words => Name.Length == 0 ? string.Join(' ', Setting) : string.Join(' ', Setting.Prepend(Name));
}
