namespace Cresset.Runs;

/// <summary>What a run is told about itself when it begins.</summary>
public sealed record RunDescription
{
    /// <summary>Name, usually the recipe's; the run's id starts with it.</summary>
    public required string Name { get; init; }

    /// <summary>What is done: "train", "rl", "eval", "search", …</summary>
    public string Kind { get; init; } = "train";

    /// <summary>The resolved configuration, flat: <c>model.width</c> to <c>64</c>.</summary>
    public IReadOnlyDictionary<string, string> Config { get; init; } = new Dictionary<string, string>();

    /// <summary>The configuration as it shall stand in the folder, or null to write <see cref="Config"/> as JSON.</summary>
    public string? ConfigText { get; init; }

    /// <summary>File name for <see cref="ConfigText"/>.</summary>
    public string ConfigFileName { get; init; } = "config.yaml";

    /// <summary>
    /// Facts about the environment beside those that <see cref="EnvironmentFacts"/> finds (device, libtorch, threads, seed, …).
    /// </summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Labels.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Free text.</summary>
    public string Note { get; init; } = "";

    /// <summary>Also write a TensorBoard event file into the folder.</summary>
    public bool WriteEventFile { get; init; } = true;
}
