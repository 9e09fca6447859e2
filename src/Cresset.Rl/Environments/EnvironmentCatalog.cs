using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>The environments of Cresset by name. Recipes and the command know those of the user's assemblies too.</summary>
public static class EnvironmentCatalog
{
    private const string Kind = "environment";
    private static readonly PartCatalog Parts = new(typeof(EnvironmentSource).Assembly);

    /// <summary>Every environment with its defaults, by group and name.</summary>
    public static IReadOnlyList<EnvironmentSource> All { get; } =
        [.. Parts.Of(Kind).Select(p => (EnvironmentSource)p.Create()).OrderBy(e => e.Group, StringComparer.Ordinal)
            .ThenBy(e => e.Name, StringComparer.Ordinal)];

    /// <summary>The environment called <paramref name="name"/>, whatever its case (version suffixes such as -v1 may be left out).</summary>
    /// <exception cref="ArgumentException">There is no such environment; the message suggests a name.</exception>
    public static EnvironmentSource Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return (EnvironmentSource)Parts.Get(Kind, name).Create();
    }
}
