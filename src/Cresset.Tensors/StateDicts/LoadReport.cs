namespace Cresset.Tensors;

/// <summary>What a checkpoint and a module had in common.</summary>
/// <param name="Loaded">Keys whose values were copied.</param>
/// <param name="Missing">Keys of the module that the checkpoint lacks.</param>
/// <param name="Unexpected">Keys of the checkpoint that the module lacks.</param>
/// <param name="MisShaped">Keys present in both with different shapes, as "key: checkpoint [..], module [..]".</param>
public sealed record LoadReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected,
    IReadOnlyList<string> MisShaped)
{
    /// <summary>Where the values came from, with the section of a checkpoint that holds more than weights.</summary>
    public string Source { get; init; } = "";

    /// <summary>Tensors whose values were rounded or widened to the module's element type, as "key: F32 to BFloat16".</summary>
    public IReadOnlyList<string> Converted { get; init; } = [];

    /// <summary>Everything fits.</summary>
    public bool IsExact => Missing.Count == 0 && Unexpected.Count == 0 && MisShaped.Count == 0;

    /// <summary>Counts, then at most ten keys of each kind.</summary>
    public override string ToString()
    {
        var parts = new List<string> { $"{Loaded.Count} loaded" };
        Add("missing", Missing);
        Add("unexpected", Unexpected);
        Add("mis-shaped", MisShaped);
        Add("of another element type", Converted);
        return string.Join("; ", parts);

        void Add(string kind, IReadOnlyList<string> keys)
        {
            if (keys.Count > 0) parts.Add($"{keys.Count} {kind}: {string.Join(", ", keys.Take(10))}{(keys.Count > 10 ? ", ..." : "")}");
        }
    }
}

/// <summary>A checkpoint does not fit a module. Nothing was copied.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Makes the exception from what was compared.</summary>
    public CheckpointException(string path, LoadReport report, string hint = "")
        : base($"{path} does not fit the module: {report}.{(hint.Length == 0 ? "" : " " + hint)}") => Report = report;

    /// <summary>Makes the exception from a finished message.</summary>
    public CheckpointException(string message)
        : base(message) => Report = new LoadReport([], [], [], []);

    /// <summary>All missing, unexpected and mis-shaped keys.</summary>
    public LoadReport Report { get; }
}
