using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Walks a traced program and writes its operations by their rules.</summary>
internal sealed class GraphExporter
{
    // What returns another look at its first argument's memory.
    private static readonly HashSet<string> Views =
    [
        "view", "reshape", "flatten", "transpose", "t", "permute", "unsqueeze", "squeeze", "expand", "expand_as", "slice", "narrow",
        "select", "chunk", "split", "split_with_sizes",
        "unbind", "alias", "detach", "contiguous", "to", "dropout", "feature_dropout", "movedim", "swapaxes", "swapdims", "view_as",
        "reshape_as", "unflatten", "diagonal", "unfold",
        "broadcast_to", "ravel", "positive", "type_as", "numpy_T", "mT", "adjoint", "tensor_split", "hsplit", "vsplit", "dsplit",
        "atleast_1d", "atleast_2d", "atleast_3d",
    ];

    private readonly TracedProgram _program;
    private readonly OnnxGraph _graph;
    private readonly OnnxRules _rules;
    private readonly Dictionary<string, object?> _values = [];
    private readonly Dictionary<string, string> _roots = [];
    private readonly Dictionary<string, int> _lastUse = [];
    private readonly Dictionary<string, (TracedNode View, string Target)> _views = [];

    public GraphExporter(TracedProgram program, OnnxGraph graph, IReadOnlyList<string> inputs, OnnxRules rules)
    {
        (_program, _graph, _rules) = (program, graph, rules);
        for (var i = 0; i < program.Inputs.Count; i++) _values[program.Inputs[i].Id] = inputs[i];
        for (var i = 0; i < program.Nodes.Count; i++)
        {
            foreach (var input in program.Nodes[i].Inputs) _lastUse[input] = i;
        }
        foreach (var output in program.Outputs) _lastUse[output] = int.MaxValue;
    }

    /// <summary>The operation that is being written, counted without constants and lists as the tracer counts: for messages.</summary>
    public int Operation { get; private set; } = -1;

    /// <summary>Writes all operations and returns the names of the results, and what they are in the program.</summary>
    public IReadOnlyList<(string Name, string Id)> Run()
    {
        for (var i = 0; i < _program.Nodes.Count; i++) Write(_program.Nodes[i], i);
        return [
            .. _program.Outputs.Select(
                o => (_values[o] as string
                    ?? throw new NotSupportedException("A result of the module is memory that nothing recorded has filled."), o))];
    }

    private void Write(TracedNode node, int index)
    {
        switch (node.Kind)
        {
            case "prim::Constant":
                _values[node.Outputs[0].Id] = _program.Constant(index) is var value && value is Tensor tensor ? Constant(tensor) : value;
                return;
            case "prim::ListConstruct" or "prim::TupleConstruct":
                _values[node.Outputs[0].Id] = node.Inputs.Select(i => _values[i]).ToList();
                return;
            case "prim::ListUnpack" or "prim::TupleUnpack":
                var list = (List<object?>)_values[node.Inputs[0]]!;
                for (var i = 0; i < node.Outputs.Count; i++)
                {
                    _values[node.Outputs[i].Id] = list[i];
                    // libtorch promises that the parts of unsafe_chunk and unsafe_split share nothing that is read again.
                    if (_program.Producer(node.Inputs[0])?.Kind.Contains("unsafe_", StringComparison.Ordinal) != true)
                        Share(node.Outputs[i].Id, node.Inputs[0]);
                }
                return;
            case "prim::NumToTensor" or "aten::Int":
                _values[node.Outputs[0].Id] = _values[node.Inputs[0]];
                return;
        }
        Operation++;
        var name = node.Kind.StartsWith("aten::", StringComparison.Ordinal) ? node.Kind["aten::".Length..] : node.Kind;
        var inPlace = name.Length > 1 && name[^1] == '_' && name[^2] != '_';
        var target = node.Inputs.Count > 0 ? node.Inputs[0] : "";
        if (inPlace) name = name[..^1];
        else if (name is "zeros" or "full" && node.Inputs.Count > 1 && _program.Value(node.Inputs[^1]).IsTensor)
        {
            // The tracer records zero_ and fill_ as new tensors, with the one they write as a last argument.
            (inPlace, target) = (true, node.Inputs[^1]);
        }
        if (inPlace) RefuseSharedWrite(node, target, index);
        if (name is "empty" or "empty_like" or "new_empty" or "empty_strided" or "new_empty_strided")
        {
            _values[node.Outputs[0].Id] = new UnfilledTensor();
            return;
        }
        var rule = _rules.Find(name) ?? throw new NotSupportedException(
            $"{node.Kind} has no rule for ONNX (result of shape [{string.Join(", ", node.Outputs[0].Shape ?? [])}]). {Reasons.Of(name)}"
            + $"A rule of your own: OnnxExportOptions.Rules = OnnxRules.Default.Add(\"{name}\", o => o.Emit(\"ONNX's operation\", "
            + $"[o.Tensor(0)])).");
        var isList = node.Outputs is [{ Type: "Tensor[]" }];
        var unpacked = isList
            ? _program.Nodes.Skip(index + 1).FirstOrDefault(n => n.Kind == "prim::ListUnpack" && n.Inputs[0] == node.Outputs[0].Id) : null;
        var results = rule(new OnnxOperation(_graph, _program, node, _values, unpacked?.Outputs));
        if (isList) _values[node.Outputs[0].Id] = results.Select(object? (r) => r).ToList();
        else
        {
            for (var i = 0; i < node.Outputs.Count && i < results.Length; i++) _values[node.Outputs[i].Id] = results[i];
        }
        foreach (var output in node.Outputs)
        {
            if (inPlace || Views.Contains(name)) Share(output.Id, target);
        }
        if (inPlace) WriteThrough(node, target);
        else if (name is "slice" or "select" or "narrow") _views[node.Outputs[0].Id] = (node, node.Inputs[0]);
    }

    private string Constant(Tensor values)
    {
        if (ElementTypes.Of(values.dtype) is not { } type)
            throw new NotSupportedException($"The module uses a tensor of {values.dtype}, which has no counterpart in ONNX.");
        return values.numel() == 1 && values.dim() == 0 ? _graph.Scalar(values.to(ScalarType.Float64).item<double>(), type)
            : _graph.Constant(values.contiguous(), type);
    }

    private void Share(string value, string with) => _roots[value] = Root(with);

    private string Root(string value) => _roots.GetValueOrDefault(value, value);

    // In a graph every value is written once. A change in place gives a new value; whoever looks at the same memory by another name
    // afterwards would see the old one.
    private void RefuseSharedWrite(TracedNode node, string target, int index)
    {
        var root = Root(target);
        if (_program.Inputs.Any(i => i.Id == root))
            throw new NotSupportedException(
                $"{node.Kind} changes an input, a parameter or a buffer in place; write it without the underscore.");
        // A part of a tensor may be written where the whole is what is read later, and nothing else.
        var chain = Chain(target);
        var reader = _values.Keys.FirstOrDefault(
            v => Root(v) == root && _lastUse.GetValueOrDefault(v, -1) > index && v != node.Outputs[0].Id && !chain.Contains(v)
                && v != target);
        if (reader is not null)
            throw new NotSupportedException($"{node.Kind} changes memory that another value shows later; write it without the underscore.");
    }

    // The tensors that a view is a part of, from the nearest to the whole.
    private List<string> Chain(string view)
    {
        var chain = new List<string>();
        while (_views.TryGetValue(view, out var part))
        {
            view = part.Target;
            chain.Add(view);
        }
        return chain;
    }

    // The written part replaces the old one in each tensor that it is a part of, and the written value is what its old name shows from here
    // on.
    private void WriteThrough(TracedNode node, string target)
    {
        var written = _values[node.Outputs[0].Id];
        var part = target;
        _values[part] = written;
        while (_views.TryGetValue(part, out var view))
        {
            var operation = new OnnxOperation(_graph, _program, view.View, _values, null);
            if (_values[view.Target] is not string) throw operation.Refuse("a part of memory is written that nothing filled as a whole");
            _values[view.Target] = PartialWrite.Replace(operation, (string)_values[part]!);
            part = view.Target;
        }
    }
}
