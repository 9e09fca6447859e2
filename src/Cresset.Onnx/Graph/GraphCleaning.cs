using Cresset.Onnx.Format;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// Leaves nothing of the tracing in the graph: what hangs on constants alone is computed here, copies under other names and what nobody
/// uses go.
/// </summary>
internal static class GraphCleaning
{
    public static void Clean(OnnxGraph graph)
    {
        RemoveUnused(graph);
        MergeTransposes(graph);
        Fold(graph);
        RemoveCopies(graph);
        RemoveUnused(graph);
        // Names tell the order of what is left.
        var counts = new Dictionary<string, int>();
        foreach (var node in graph.Proto.Node)
        {
            var stem = node.Name[..Math.Max(node.Name.LastIndexOf('_'), 0)].TrimStart('/');
            if (stem.Length == 0) stem = node.OpType;
            counts[stem] = counts.GetValueOrDefault(stem) + 1;
            node.Name = $"{stem}_{counts[stem]}";
        }
    }

    // A linear layer's weight is stored as it is, and turned by the product itself.
    private static void MergeTransposes(OnnxGraph graph)
    {
        var turned =
            graph.Proto.Node.Where(
                n => n.OpType == "Transpose" && graph.Initializers.ContainsKey(n.Input[0]) && n.Attribute[0].Ints is [1, 0])
                .ToDictionary(n => n.Output[0], n => n.Input[0]);
        foreach (var gemm in graph.Proto.Node.Where(
            n => n.OpType == "Gemm" && turned.ContainsKey(n.Input[1]) && n.Attribute.All(a => a.Name != "transB")))
        {
            gemm.Input[1] = turned[gemm.Input[1]];
            gemm.Attribute.Add(new AttributeProto { Name = "transB", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        }
        RemoveUnused(graph);
    }

    private static void Fold(OnnxGraph graph)
    {
        var uses = graph.Proto.Node.SelectMany(n => n.Input).GroupBy(n => n).ToDictionary(g => g.Key, g => g.Count());
        var left = new List<NodeProto>();
        var origins = new Dictionary<string, string>();
        foreach (var node in graph.Proto.Node)
        {
            var inputs = node.Input.Where(i => i.Length > 0).ToList();
            if (inputs.Count > 0 && inputs.All(graph.Initializers.ContainsKey)
                && Folding.Find(node, [.. inputs.Select(i => graph.Initializers[i])]) is { } compute)
            {
                var large = inputs.Where(i => graph.Initializers[i].Count > 4096).ToList();
                // A weight that others use as it is would stand in the file twice.
                if (large.All(i => uses[i] == 1) || large.Count == 0)
                {
                    var results = compute();
                    var given = inputs.Sum(i => graph.Initializers[i].Count);
                    if (results.Sum(r => r.numel()) <= Math.Max(4096, 2 * given))
                    {
                        for (var i = 0; i < results.Count; i++)
                        {
                            // What becomes of a weight is named after it.
                            var name = node.Output[i];
                            var source = inputs.Select(x => origins.GetValueOrDefault(x, x)).FirstOrDefault(x => !IsUnnamed(x));
                            if (source is not null) origins[name] = source;
                            graph.Initializers.Add(name, new Initializer(name, ElementTypes.Of(results[i].dtype)!.Value, results[i]));
                        }
                        continue;
                    }
                }
            }
            left.Add(node);
        }
        graph.Proto.Node.Clear();
        graph.Proto.Node.AddRange(left);
        NameFolded(graph, origins, [.. left.SelectMany(n => n.Input).Concat(graph.Proto.Output.Select(o => o.Name))]);
    }

    // Computed constants have the names of values (v12): they become constant_1, constant_2 ...
    private static void NameFolded(OnnxGraph graph, Dictionary<string, string> origins, HashSet<string> used)
    {
        var renamed = new Dictionary<string, string>();
        foreach (var name in graph.Initializers.Keys.Where(
            k => used.Contains(k) && k.Length > 1 && k[0] == 'v' && k[1..].All(char.IsAsciiDigit)).ToList())
        {
            var (initializer, fresh) = (graph.Initializers[name],
                graph.Claim(origins.TryGetValue(name, out var origin) ? origin + ".folded" : "constant"));
            graph.Initializers.Remove(name);
            graph.Initializers.Add(fresh, initializer with { Name = fresh });
            renamed[name] = fresh;
        }
        foreach (var node in graph.Proto.Node)
        {
            for (var i = 0; i < node.Input.Count; i++) node.Input[i] = renamed.GetValueOrDefault(node.Input[i], node.Input[i]);
        }
    }

    private static bool IsUnnamed(string name) =>
        name.StartsWith("constant", StringComparison.Ordinal) || (name.Length > 1 && name[0] == 'v' && name[1..].All(char.IsAsciiDigit));

    // A result gets its name where it is made, unless an input or a weight is handed through, or it is a result twice.
    private static void RemoveCopies(OnnxGraph graph)
    {
        var producers = graph.Proto.Node.SelectMany(n => n.Output.Select((o, i) => (o, n, i)))
            .ToDictionary(x => x.o, x => (Node: x.n, Index: x.i));
        var results = graph.Proto.Output.Select(o => o.Name).ToHashSet();
        foreach (var copy in graph.Proto.Node.Where(n => n.OpType == "Identity" && results.Contains(n.Output[0])).ToList())
        {
            var source = copy.Input[0];
            if (!producers.TryGetValue(source, out var made) || results.Contains(source)) continue;
            var name = copy.Output[0];
            made.Node.Output[made.Index] = name;
            graph.Proto.Node.Remove(copy);
            foreach (var node in graph.Proto.Node)
            {
                for (var i = 0; i < node.Input.Count; i++) node.Input[i] = node.Input[i] == source ? name : node.Input[i];
            }
            producers[name] = made;
            producers.Remove(source);
        }
    }

    private static void RemoveUnused(OnnxGraph graph)
    {
        var needed = graph.Proto.Output.Select(o => o.Name).ToHashSet();
        for (var i = graph.Proto.Node.Count - 1; i >= 0; i--)
        {
            if (graph.Proto.Node[i].Output.Any(needed.Contains)) needed.UnionWith(graph.Proto.Node[i].Input);
            else graph.Proto.Node.RemoveAt(i);
        }
        foreach (var name in graph.Initializers.Keys.Where(k => !needed.Contains(k)).ToList()) graph.Initializers.Remove(name);
    }
}
