namespace Cresset.Recipes;

/// <summary>
/// Tokenizers of version 0.1 named one of five quantizers and had the options of all five beside it; now the quantizer is a part. Codes
/// were restarted below an absolute count, <c>restart_threshold</c>; now below a share of an even spread.
/// </summary>
internal static class OldTokenizerKeys
{
    private const string Threshold = "restart_threshold";
    private const string LatentWidth = "latent_width";

    private static readonly EarlierPart Quantizer = new(
        "quantizer", "quantizer", "quantizer", "vector",
        ["codes", "stages", "levels", "bits", "decay", "restart_share", "commitment_weight", "estimator"], Place);

    /// <summary>Keys that stood in the section.</summary>
    public static IReadOnlyList<string> Keys => Quantizer.Options;

    /// <summary>Rewrites the section in place.</summary>
    /// <exception cref="ConfigException">A recipe has an old key whose meaning cannot be told from it.</exception>
    public static void Move(ConfigMap recipe, string section)
    {
        if (recipe[section] is not ConfigMap map) return;
        MoveThreshold(map, section);
        var learnsByGradient = Quantizer.NameIn(map) == "gradient";
        if (learnsByGradient)
        {
            var source = map["quantizer"]!.Source;
            var vector = map["quantizer"] as ConfigMap ?? new ConfigMap(source);
            vector.Set(ConfigMap.Kind, new ConfigText(source, "vector", true));
            EarlierPart.Set(vector, "codebook.learning", new ConfigText(source, "gradient", true));
            map.Set("quantizer", vector);
        }
        if (Quantizer.Move(map) is not { } part) return;
        // What that version took where a recipe said nothing.
        switch (Quantizer.NameIn(map))
        {
            case "finite-scalar":
                Default(part, "levels", "8, 6, 5");
                Default(map, LatentWidth, "64");
                break;
            case "lookup-free":
                Default(part, "bits", "8");
                Default(map, LatentWidth, "64");
                break;
        }
    }

    private static void MoveThreshold(ConfigMap map, string section)
    {
        if (map[Threshold] is not { } value) return;
        // The model of a stored run is the same under either rule; in a recipe the count that was meant cannot be told.
        if (!EarlierPart.IsStored(value))
            throw new ConfigException(value.Source,
                $"{section}.{Threshold} was an absolute count and is no longer an option: write restart_share: 0 to switch restarts off, "
                    + $"or leave it out for 0.2, a share of an even spread.");
        map.Remove(Threshold);
        if (value is ConfigText { Value: "0" or "0.0" } never) map.Set("restart_share", never);
    }

    private static void Default(ConfigMap map, string key, string value)
    {
        if (map[key] is null) map.Set(key, new ConfigText(map.Source, value, true));
    }

    private static string? Place(string kind, string key) => (kind, key) switch
    {
        ("vector", "codes") => "codebook.size",
        ("vector", "decay" or "restart_share") => "codebook." + key,
        ("vector" or "sim-vq", "commitment_weight" or "estimator") => key,
        ("residual", "stages" or "estimator") => key,
        ("residual", "codes") => "stage.codebook.size",
        ("residual", "decay" or "restart_share") => "stage.codebook." + key,
        ("residual", "commitment_weight") => "stage.commitment_weight",
        ("finite-scalar", "levels") => key,
        ("lookup-free", "bits" or "commitment_weight") => key,
        ("gumbel" or "index-backpropagation" or "sim-vq", "codes") => "size",
        _ => null,
    };
}
