using System.Globalization;

namespace Cresset.Onnx;

/// <summary>A value of a traced graph.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Type">What libtorch calls its type: Float, Long, int, int[] ...</param>
/// <param name="Shape">Sizes of a tensor, null for anything else.</param>
internal sealed record TracedValue(string Id, string Type, long[]? Shape)
{
    public bool IsTensor => Shape is not null;
}

/// <summary>One operation: <c>outputs = kind[constant](inputs)</c>.</summary>
internal sealed record TracedNode(string Kind, string? Constant, IReadOnlyList<string> Inputs, IReadOnlyList<TracedValue> Outputs)
{
    /// <summary>Value of a constant that is a tensor or a floating point number, by its bits.</summary>
    public object? Value { get; set; }
}

/// <summary>A graph as the tracer printed it.</summary>
internal sealed class TracedGraph
{
    public List<TracedValue> Inputs { get; } = [];

    public List<TracedNode> Nodes { get; } = [];

    public List<string> Outputs { get; } = [];

    public Dictionary<string, TracedValue> Values { get; } = [];

    public static TracedGraph Parse(string text)
    {
        var graph = new TracedGraph();
        var inHead = true;
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.Trim();
            if (line.Length == 0) continue;
            if (inHead)
            {
                inHead = !line.EndsWith("):", StringComparison.Ordinal);
                var head = line.StartsWith("graph(", StringComparison.Ordinal) ? line["graph(".Length..] : line;
                head = inHead ? head.TrimEnd(',') : head[..^2];
                if (head.Length > 0) graph.Inputs.Add(graph.Declare(head));
            }
            else if (line.StartsWith("return (", StringComparison.Ordinal))
                graph.Outputs.AddRange(Split(line["return (".Length..^1]).Select(Id));
            else graph.Nodes.Add(graph.Node(line));
        }
        if (graph.Outputs.Count == 0) throw new InvalidDataException("The traced graph has no outputs.");
        return graph;
    }

    private TracedNode Node(string line)
    {
        var equals = line.IndexOf(" = ", StringComparison.Ordinal);
        if (equals < 0) throw new InvalidDataException($"A line of the traced graph cannot be read: {line}");
        var outputs = Split(line[..equals]).Select(Declare).ToList();
        var right = line[(equals + 3)..];
        var open = right.LastIndexOf('(');
        var kind = right[..open];
        string? constant = null;
        var bracket = kind.IndexOf('[', StringComparison.Ordinal);
        if (bracket >= 0)
        {
            constant = kind[(bracket + 1)..^1];
            kind = kind[..bracket];
        }
        var close = right.LastIndexOf(')');
        return new TracedNode(kind, constant, [.. Split(right[(open + 1)..close]).Select(Id)], outputs);
    }

    private TracedValue Declare(string text)
    {
        var colon = text.IndexOf(" : ", StringComparison.Ordinal);
        var type = text[(colon + 3)..];
        var open = type.IndexOf('(', StringComparison.Ordinal);
        var value = open < 0
            ? new TracedValue(Id(text[..colon]), type, null)
            : new TracedValue(Id(text[..colon]), type[..open], Sizes(type[(open + 1)..^1]));
        Values.Add(value.Id, value);
        return value;
    }

    private static long[] Sizes(string text)
        => [.. Split(text).TakeWhile(p => !p.Contains('=', StringComparison.Ordinal))
            .Select(p => long.Parse(p, CultureInfo.InvariantCulture))];

    private static string Id(string text) => text.Trim().TrimStart('%');

    // At commas outside of brackets.
    private static IEnumerable<string> Split(string text)
    {
        int depth = 0, start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is '(' or '[') depth++;
            else if (text[i] is ')' or ']') depth--;
            else if (text[i] == ',' && depth == 0)
            {
                yield return text[start..i].Trim();
                start = i + 1;
            }
        }
        if (start < text.Length) yield return text[start..].Trim();
    }
}
