using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>
/// Recipes of version 0.1 had the options of every planner and learner beside the name of one; now the method is a part with its own.
/// </summary>
internal static class OldMethodKeys
{
    private const string Key = "algorithm";
    private static readonly EarlierPart Method = new("rl-method", Key, Key, Default, ["n", "lambda", "planning_steps"], PlaceIn);

    /// <summary>The keys that stood beside the name.</summary>
    public static IReadOnlyList<string> Keys => Method.Options;

    private static string Default => PartCatalog.NameOf(new RlSolveOptions().Algorithm.GetType())!;

    /// <summary>Rewrites a section in place.</summary>
    public static void Move(ConfigMap recipe, string section)
    {
        if (recipe[section] is ConfigMap map) Method.Move(map);
    }

    // A method of the user's own: whether it takes the option is the binder's to say.
    private static string? PlaceIn(string method, string key)
        => BuiltInParts.Catalog.Find("rl-method", method) is not { } part || OptionNames.Keys(part.Type).ContainsKey(key) ? key : null;
}
