using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// What a module does, traced at several sizes of its inputs: the operations must be the same each time, and every number that differs must
/// follow the sizes.
/// </summary>
internal sealed class TracedProgram
{
    private readonly IReadOnlyList<TracedGraph> _traces;
    private readonly AxisSizes _axes;
    private readonly Dictionary<string, (int Node, int Output)> _origins = [];

    public TracedProgram(IReadOnlyList<TracedGraph> traces, AxisSizes axes)
    {
        (_traces, _axes) = (traces, axes);
        foreach (var other in traces.Skip(1)) Compare(other);
        for (var i = 0; i < Nodes.Count; i++)
        {
            for (var o = 0; o < Nodes[i].Outputs.Count; o++) _origins[Nodes[i].Outputs[o].Id] = (i, o);
        }
        for (var i = 0; i < Inputs.Count; i++) _origins[Inputs[i].Id] = (-1, i);
    }

    public IReadOnlyList<TracedNode> Nodes => _traces[0].Nodes;

    public IReadOnlyList<TracedValue> Inputs => _traces[0].Inputs;

    public IReadOnlyList<string> Outputs => _traces[0].Outputs;

    public TracedValue Value(string id) => _traces[0].Values[id];

    public TracedNode? Producer(string id) => _origins.TryGetValue(id, out var origin) && origin.Node >= 0 ? Nodes[origin.Node] : null;

    /// <summary>Sizes of a tensor.</summary>
    public IReadOnlyList<OnnxSize>? Shape(string id)
    {
        var (node, output) = _origins[id];
        var shapes = _traces.Select(t => (node < 0 ? t.Inputs[output] : t.Nodes[node].Outputs[output]).Shape).ToList();
        if (shapes[0] is not { } first) return null;
        if (shapes.Any(s => s is null || s.Length != first.Length))
            throw new NotSupportedException(
                $"{Kind(node)} gives another number of dimensions for another size of input; export it with fixed sizes (DynamicAxes = "
                    + $"[]).");
        return [.. Enumerable.Range(0, first.Length).Select(d => _axes.Fit([.. shapes.Select(s => s![d])]))];
    }

    /// <summary>A constant of the graph: null, <see cref="OnnxSize"/>, bool, double, text, tensor, or a list of these.</summary>
    public object? Constant(int node)
    {
        var first = Nodes[node];
        var type = first.Outputs[0].Type;
        if (first.Constant is null) return null;
        if (first.Value is Tensor values)
        {
            foreach (var other in _traces.Skip(1).Select(t => t.Nodes[node].Value))
            {
                if (other is not Tensor same || !values.shape.SequenceEqual(same.shape) || !Same(values, same))
                    throw Depends(node, $"a tensor of shape [{string.Join(", ", values.shape)}]");
            }
            return values;
        }
        if (type == "int")
            return _axes.Fit([.. _traces.Select(t => long.Parse(Text(t.Nodes[node]), System.Globalization.CultureInfo.InvariantCulture))]);
        foreach (var other in _traces.Skip(1).Select(t => t.Nodes[node]))
        {
            if (first.Value is not null ? !Equals(first.Value, other.Value) : first.Constant != other.Constant)
                throw Depends(node, $"{Shown(first)} and then {Shown(other)}");
        }
        return type switch
        {
            "float" => first.Value,
            "bool" => Text(first) != "0",
            "str" or "Device" => Text(first).Trim('"'),
            "NoneType" => null,
            "int[]" =>
                List(Text(first)).Select(object? (n) => OnnxSize.Fixed(long.Parse(n, System.Globalization.CultureInfo.InvariantCulture)))
                    .ToList(),
            "float[]" =>
                List(Text(first)).Select(object? (n) => double.Parse(n, System.Globalization.CultureInfo.InvariantCulture)).ToList(),
            _ => throw new NotSupportedException(
                $"The module uses a constant of type {type} ({Shown(first)}), which ONNX files cannot hold."),
        };
    }

    private static bool Same(Tensor a, Tensor b) =>
        a.dtype == b.dtype && a.eq(b).logical_or(a.ne(a).logical_and(b.ne(b))).all().item<bool>();

    private static string Text(TracedNode constant) => constant.Constant!["value=".Length..];

    private static string Shown(TracedNode constant) =>
        constant.Value is double number ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : Text(constant);

    private static string[] List(string text) => text.Trim('[', ']').Split(", ", StringSplitOptions.RemoveEmptyEntries);

    private NotSupportedException Depends(int node, string what)
    {
        var user = Nodes.FirstOrDefault(n => n.Inputs.Contains(Nodes[node].Outputs[0].Id));
        return new NotSupportedException(
            $"{(user is null ? "A constant" : $"An argument of {user.Kind}")} is computed outside of the graph from the inputs' values or "
                + $"sizes ({what}): the file would hold the example's. "
            + "Compute it with tensor operations (not with item(), data or C# numbers of them), or export with fixed sizes (DynamicAxes = "
            + "[]) if it follows them.");
    }

    private void Compare(TracedGraph other)
    {
        var first = _traces[0];
        for (var i = 0; i < Math.Max(first.Nodes.Count, other.Nodes.Count); i++)
        {
            var (a, b) = (i < first.Nodes.Count ? first.Nodes[i].Kind : "nothing more",
                i < other.Nodes.Count ? other.Nodes[i].Kind : "nothing more");
            if (a != b)
            {
                throw new NotSupportedException(
                    $"The module does other operations for another input: where the example makes it do {a} (operation {i} of "
                        + $"{first.Nodes.Count}), an input of other sizes and values makes it do {b}. "
                    + "A file holds one sequence of operations: branch with where() instead of C#'s if, or export with fixed sizes "
                    + "(DynamicAxes = []) if the branch follows them.");
            }
        }
    }

    private string Kind(int node) => node < 0 ? "An input" : Nodes[node].Kind;
}
