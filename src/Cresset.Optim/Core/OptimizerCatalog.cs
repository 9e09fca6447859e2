using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>All optimizers by name.</summary>
public static class OptimizerCatalog
{
    private static readonly PartCatalog Parts = new(typeof(OptimizerRule).Assembly);

    /// <summary>Optimizers of earlier versions that are gone, and what to write instead.</summary>
    private static readonly Dictionary<string, string> Gone = new(StringComparer.OrdinalIgnoreCase)
    {
        ["rmsprop-tf"] = "rmsprop with alpha 0.9, epsilon 1e-10, momentum 0.9, epsilon_in_root true, initial_accumulator 1 and rate_in_momentum true",
        ["nadamw"] = "adamw with nesterov true",
        ["dadapt-sgd"] = "prodigy",
        ["dadapt-adam"] = "prodigy",
        ["dadapt-lion"] = "prodigy",
        ["dadapt-adagrad"] = "prodigy",
        ["adamg"] = "prodigy",
        ["swats"] = "adabound, which ends as SGD too",
        ["adamod"] = "radam",
        ["fadam"] = "adamw",
        ["padam"] = "adabound",
        ["adapnm"] = "adamw",
        ["simplified-ademamix"] = "ademamix",
        ["pnm"] = "sgd with momentum 0.9",
        ["sgd-sai"] = "lars",
        ["fromage"] = "lars",
    };

    /// <summary>The entries, sorted by name.</summary>
    public static IReadOnlyList<PartEntry> Entries => Parts.Of("optimizer");

    /// <summary>The entry called <paramref name="name"/>, whatever its case.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest, or what to write for one that is gone.</exception>
    public static PartEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Parts.Find("optimizer", name) ?? throw new ArgumentException(Gone.TryGetValue(name, out var instead)
            ? $"optimizer '{name}' is no longer a part: write {instead}."
            : Parts.Unknown("optimizer", name), nameof(name));
    }

    /// <summary>The rule called <paramref name="name"/> with its defaults.</summary>
    public static OptimizerRule Create(string name) => (OptimizerRule)Find(name).Create();
}
