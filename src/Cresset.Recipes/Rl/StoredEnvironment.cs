using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>An environment as it stands in the file of a policy.</summary>
internal static class StoredEnvironment
{
    private const string Kind = "environment";

    /// <summary>The environment and its options as YAML.</summary>
    public static string Write(EnvironmentSource source) => ConfigYaml.Write(OptionsWriter.Write(source));

    /// <summary>What <see cref="Write"/> wrote, or the environment of a name alone, as earlier versions stored it.</summary>
    /// <exception cref="ArgumentException">The environment is not among the parts.</exception>
    public static EnvironmentSource Read(string name, string? yaml, PartCatalog parts)
    {
        var map = yaml is null ? null : ConfigNode.Parse(yaml, "the policy's environment");
        var kind = (map?[ConfigMap.Kind] as ConfigText)?.Value ?? name;
        var entry = parts.Find(Kind, kind)
            ?? throw new ArgumentException($"{parts.Unknown(Kind, kind)} An environment of your own needs its assembly: --with My.dll.");
        var source = (EnvironmentSource)entry.Create();
        return map is null ? source
            : (EnvironmentSource)new OptionsBinder(parts).Bind(source, map, Kind, new ConfigSource("the policy's environment", 0));
    }
}
