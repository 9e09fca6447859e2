using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cresset.Recipes;

/// <summary>A value of a recipe with the place where it was written: a text, a list or a map.</summary>
internal abstract record ConfigNode(ConfigSource Source)
{
    /// <summary>Parses YAML whose top is a map.</summary>
    public static ConfigMap Parse(string yaml, string file)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(yaml));
            if (stream.Documents.Count == 0) throw new ConfigException(new ConfigSource(file, 1), "the recipe is empty.");
            if (stream.Documents.Count > 1) throw new ConfigException(new ConfigSource(file, 1), "the recipe holds more than one YAML document.");
            return Convert(stream.Documents[0].RootNode, file, 0) as ConfigMap ?? throw new ConfigException(new ConfigSource(file, 1), "a recipe is a map of keys and values.");
        }
        catch (YamlException e)
        {
            throw new ConfigException(new ConfigSource(file, (int)e.Start.Line), $"no valid YAML: {e.Message}");
        }
    }

    private static ConfigNode Convert(YamlNode node, string file, int depth)
    {
        var source = new ConfigSource(file, (int)node.Start.Line);
        if (depth > 16) throw new ConfigException(source, "values are nested more than 16 deep.");
        switch (node)
        {
            case YamlScalarNode scalar:
                return new ConfigText(source, scalar.Value ?? "", scalar.Style == ScalarStyle.Plain);
            case YamlSequenceNode sequence:
                return new ConfigList(source, sequence.Children.Select(child => Convert(child, file, depth + 1)).ToList());
            default:
                var map = new ConfigMap(source);
                foreach (var (key, value) in ((YamlMappingNode)node).Children)
                {
                    var name = (key as YamlScalarNode)?.Value ?? throw new ConfigException(new ConfigSource(file, (int)key.Start.Line), "a key must be a plain text.");
                    map.Set(name, Convert(value, file, depth + 1));
                }
                return map;
        }
    }
}

/// <summary>A single value.</summary>
internal sealed record ConfigText(ConfigSource Source, string Value, bool Plain) : ConfigNode(Source);

/// <summary>A list of values.</summary>
internal sealed record ConfigList(ConfigSource Source, IReadOnlyList<ConfigNode> Items) : ConfigNode(Source);

/// <summary>Values by key; keys are compared with '-' and '_' alike.</summary>
internal sealed record ConfigMap(ConfigSource Source) : ConfigNode(Source)
{
    private readonly Dictionary<string, ConfigNode> _values = [];

    public IEnumerable<KeyValuePair<string, ConfigNode>> Items => _values;

    public ConfigNode? this[string key] => _values.GetValueOrDefault(Canonical(key));

    public void Set(string key, ConfigNode value) => _values[Canonical(key)] = value;

    public static string Canonical(string key) => key.Replace('-', '_');
}
