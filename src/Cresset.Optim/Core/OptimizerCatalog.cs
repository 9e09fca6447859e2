using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>All optimizers by name.</summary>
public static class OptimizerCatalog
{
    private static readonly PartCatalog Parts = new(typeof(OptimizerRule).Assembly);

    /// <summary>The entries, sorted by name.</summary>
    public static IReadOnlyList<PartEntry> Entries => Parts.Of("optimizer");

    /// <summary>The entry called <paramref name="name"/>, whatever its case.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest, or what to write for one that is gone.</exception>
    public static PartEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Parts.Get("optimizer", name);
    }

    /// <summary>The rule called <paramref name="name"/> with its defaults.</summary>
    public static OptimizerRule Create(string name) => (OptimizerRule)Find(name).Create();
}
