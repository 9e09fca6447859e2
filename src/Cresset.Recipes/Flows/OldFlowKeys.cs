namespace Cresset.Recipes;

/// <summary>
/// Recipes of version 0.1 named one of seven flows under "family" and had the options of all beside it; now the flow is a part.
/// </summary>
internal static class OldFlowKeys
{
    private const string Section = "model";
    private const string Named = "family";
    private static readonly string[] OfVectors = ["nice", "real-nvp", "spline-coupling", "spline", "maf", "iaf"];
    private static readonly EarlierPart Flow = new("flow", "flow", Named, "",
        ["transforms", "width", "layers", "bins", "bound", "tolerance", "scale_bins", "levels"], PlaceIn);

    /// <summary>Rewrites the section in place.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="transforms">Transforms of that version's job where a recipe said nothing.</param>
    /// <param name="width">Width there; null for what flows still have.</param>
    public static void Move(ConfigMap recipe, int transforms, int? width = null)
    {
        if (recipe[Section] is not ConfigMap map || Flow.Move(map) is not { } part) return;
        // What that version took where a recipe said nothing. Without a name the job's own flow is meant.
        var kind = Flow.NameIn(map);
        Default("transforms", transforms);
        if (width is { } wide) Default("width", wide);
        if (kind == "glow") Default("levels", 2);

        void Default(string key, int value)
        {
            if ((kind.Length == 0 || PlaceIn(kind, key) is not null) && part[key] is null)
                part.Set(key, new ConfigText(map.Source, value.ToString(System.Globalization.CultureInfo.InvariantCulture), true));
        }
    }

    /// <summary>Where a key of that version stood that is named alone.</summary>
    public static string? Place(string key) => key == Named || Flow.Options.Contains(key) ? $"{Section}.{key}" : null;

    private static string? PlaceIn(string kind, string key) => (kind, key) switch
    {
        // The job's own flow, or a flow of the user's own: whether it takes the option is the binder's to say.
        _ when !OfVectors.Contains(kind) && kind is not ("glow" or "ffjord") => key,
        ("ffjord", "width" or "layers") => key,
        ("ffjord", "tolerance") => "solver.tolerance",
        ("glow", "transforms" or "width" or "levels") => key,
        ("spline" or "spline-coupling", "bins" or "bound" or "scale_bins") => key,
        (_, "transforms" or "width" or "layers") when OfVectors.Contains(kind) => key,
        _ => null,
    };
}
