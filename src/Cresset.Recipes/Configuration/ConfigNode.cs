using System.Buffers;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cresset.Recipes;

/// <summary>A value of a recipe with the place where it was written: a text, a list or a map.</summary>
internal abstract record ConfigNode(ConfigSource Source)
{
    // A recipe holds some hundred values. Aliases are written out, so a few lines of them could otherwise stand for gigabytes.
    private const int MostValues = 20_000;
    private const int Deepest = 16;
    private static readonly SearchValues<char> Controls = SearchValues.Create(
        [.. Enumerable.Range(0, 0xA0).Select(i => (char)i).Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\u0085'))]);

    /// <summary>Parses YAML whose top is a map.</summary>
    /// <exception cref="ConfigException">Whatever is wrong with the text, with its file and line.</exception>
    public static ConfigMap Parse(string yaml, string file)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        RefuseControls(yaml, file);
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException e)
        {
            throw Damaged(yaml, file, (int)e.Start.Line, (int)e.Start.Column, e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException
            or KeyNotFoundException)
        {
            // The parser reports some broken lists and maps with exceptions of its own workings and without a place.
            throw Damaged(yaml, file, LastLine(yaml, e), 0, e);
        }
        if (stream.Documents.Count == 0) throw new ConfigException(new ConfigSource(file, 1), "the recipe is empty.");
        if (stream.Documents.Count > 1)
            throw new ConfigException(new ConfigSource(file, 1), "the recipe holds more than one YAML document.");
        var left = MostValues;
        return Convert(stream.Documents[0].RootNode, file, 0, ref left) as ConfigMap
            ?? throw new ConfigException(new ConfigSource(file, 1), "a recipe is a map of keys and values.");
    }

    /// <summary>
    /// The value of an override: a text as it stands, or the long form of a part as in a recipe (<c>{kind: lion, beta1: 0.95}</c>, or a
    /// list with such parts). Other lists stay texts, whose meaning the option decides.
    /// </summary>
    /// <exception cref="ConfigException">A brace or quote is not closed.</exception>
    public static ConfigNode ParseValue(string value, string key)
    {
        var text = value.Trim();
        var isPart = text.StartsWith('{') && text.Contains(':', StringComparison.Ordinal);
        if (!isPart && !(text.StartsWith('[') && text.Contains('{', StringComparison.Ordinal)))
            return new ConfigText(ConfigSource.CommandLine, value, true);
        try
        {
            return OnCommandLine(isPart ? Parse(text, "value") : Parse($"value: {text}", "value")["value"]!);
        }
        catch (ConfigException e)
        {
            throw new ConfigException(ConfigSource.CommandLine,
                $"{key}={value}: {e.Message[(e.Message.IndexOf(": ", StringComparison.Ordinal) + 2)..]}");
        }
    }

    private static ConfigNode OnCommandLine(ConfigNode node)
    {
        switch (node)
        {
            case ConfigText text:
                return text with { Source = ConfigSource.CommandLine };
            case ConfigList list:
                return new ConfigList(ConfigSource.CommandLine, [.. list.Items.Select(OnCommandLine)]);
            default:
                var map = new ConfigMap(ConfigSource.CommandLine);
                foreach (var (key, value) in ((ConfigMap)node).Items) map.Set(key, OnCommandLine(value));
                return map;
        }
    }

    private static ConfigNode Convert(YamlNode node, string file, int depth, ref int left)
    {
        var source = new ConfigSource(file, (int)node.Start.Line);
        if (depth > Deepest) throw new ConfigException(source, $"values are nested more than {Deepest} deep.");
        if (--left < 0)
            throw new ConfigException(source,
                $"the recipe stands for more than {MostValues} values once its aliases (*name) are written out; write fewer of them.");
        switch (node)
        {
            case YamlScalarNode scalar:
                return new ConfigText(source, scalar.Value ?? "", scalar.Style is ScalarStyle.Plain or ScalarStyle.Any);
            case YamlSequenceNode sequence:
                var items = new List<ConfigNode>(sequence.Children.Count);
                foreach (var child in sequence.Children) items.Add(Convert(child, file, depth + 1, ref left));
                return new ConfigList(source, items);
            case YamlMappingNode mapping:
                var map = new ConfigMap(source);
                foreach (var (key, value) in mapping.Children)
                {
                    var place = new ConfigSource(file, (int)key.Start.Line);
                    var name = (key as YamlScalarNode)?.Value ?? throw new ConfigException(place, "a key must be a plain text.");
                    if (map[name] is not null)
                        throw new ConfigException(place, $"the key '{name}' is given twice ('-' and '_' are alike).");
                    map.Set(name, Convert(value, file, depth + 1, ref left));
                }
                return map;
            default:
                throw new ConfigException(source, "an alias (*name) whose anchor (&name) is not known here.");
        }
    }

    // YAML forbids them; its parser takes a NUL for the end of a value, or of the text.
    private static void RefuseControls(string yaml, string file)
    {
        var at = yaml.AsSpan().IndexOfAny(Controls);
        if (at < 0) return;
        var before = yaml.AsSpan(0, at);
        throw new ConfigException(new ConfigSource(file, before.Count('\n') + 1),
            $"column {at - before.LastIndexOf('\n')}: the character U+{(int)yaml[at]:X4} has no place in a text.");
    }

    private static ConfigException Damaged(string yaml, string file, int line, int column, Exception cause)
    {
        // YAML forbids tabs as indentation, and its parser then complains about some line before the tab.
        var lines = yaml.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var indent = lines[i].AsSpan(0, lines[i].Length - lines[i].AsSpan().TrimStart(" \t").Length);
            if (indent.Contains('\t') && lines[i].AsSpan().Trim().Length > 0)
                return new ConfigException(new ConfigSource(file, i + 1),
                    $"column {indent.IndexOf('\t') + 1}: the line is indented with a tab; YAML takes spaces only.");
        }
        var place = column > 0 ? $"column {column}: " : "";
        const string Twice = "Duplicate key ";
        if (cause.Message.StartsWith(Twice, StringComparison.Ordinal))
            return new ConfigException(new ConfigSource(file, Math.Max(1, line)),
                $"{place}the key '{cause.Message[Twice.Length..].TrimEnd('.')}' is given twice.");
        const string Anchor = "The anchor '";
        if (cause.Message.StartsWith(Anchor, StringComparison.Ordinal) && cause.Message.Split('\'') is [_, var name, ..])
        {
            // The parser gives the start of the text as the place.
            var at = Array.FindIndex(lines, l => l.Contains('*' + name, StringComparison.Ordinal));
            return new ConfigException(new ConfigSource(file, at < 0 ? Math.Max(1, line) : at + 1),
                $"the alias *{name} stands for nothing: no &{name} comes before it. A text that begins with '*' goes in quotes.");
        }
        return new ConfigException(new ConfigSource(file, Math.Max(1, line)),
            $"{place}this is not valid YAML: {Sentence(cause)} Look for a bracket, brace or quote that is not closed.");
    }

    private static string Sentence(Exception cause)
    {
        var message = (cause as YamlException)?.Message ?? "a list or map is broken";
        var text = message.Split('\n')[0].Trim();
        return text.EndsWith('.') ? text : text + ".";
    }

    // The parser gives no place: the first line up to which the text no longer parses is it.
    private static int LastLine(string yaml, Exception cause)
    {
        var lines = yaml.Split('\n');
        for (var count = 1; count <= Math.Min(lines.Length, 2000); count++)
        {
            try
            {
                new YamlStream().Load(new StringReader(string.Join('\n', lines.Take(count))));
            }
            catch (YamlException)
            {
                // Cut in the middle of a list or map: not the fault that is looked for.
            }
            catch (Exception e) when (e.GetType() == cause.GetType())
            {
                return count;
            }
        }
        return lines.Length;
    }
}

/// <summary>A single value.</summary>
internal sealed record ConfigText(ConfigSource Source, string Value, bool Plain) : ConfigNode(Source)
{
    /// <summary>True for what YAML writes for "nothing".</summary>
    public bool IsNull => Plain && Value is "null" or "~" or "";
}

/// <summary>A list of values.</summary>
internal sealed record ConfigList(ConfigSource Source, IReadOnlyList<ConfigNode> Items) : ConfigNode(Source);

/// <summary>Values by key; keys are compared with '-' and '_' alike.</summary>
internal sealed record ConfigMap(ConfigSource Source) : ConfigNode(Source)
{
    /// <summary>The key that names a part in its long form.</summary>
    public const string Kind = "kind";

    private readonly Dictionary<string, ConfigNode> _values = [];

    public IEnumerable<KeyValuePair<string, ConfigNode>> Items => _values;

    public ConfigNode? this[string key] => _values.GetValueOrDefault(Canonical(key));

    public void Set(string key, ConfigNode value) => _values[Canonical(key)] = value;

    public void Remove(string key) => _values.Remove(Canonical(key));

    public static string Canonical(string key) => key.Replace('-', '_');
}
