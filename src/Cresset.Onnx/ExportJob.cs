using System.Globalization;
using Cresset.Onnx.Format;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>One export: traces at all sizes, the graph by its rules, and the comparison of the file with the module.</summary>
internal sealed class ExportJob
{
    private readonly IReadOnlyList<Tensor> _example;
    private readonly Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> _run;
    private readonly OnnxExportOptions _options;
    private readonly List<string> _warnings;
    private readonly List<(string Name, Tensor Tensor)> _weights = [];
    private readonly Dictionary<Type, List<string>> _moduleNames = [];
    private readonly IReadOnlyList<DynamicAxis> _axes;
    private readonly AxisSizes _sizes;

    public ExportJob(
        IReadOnlyList<(string Name, nn.Module Module)> modules, IReadOnlyList<Tensor> example,
        Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> run, OnnxExportOptions options, List<string> warnings)
    {
        (_example, _run, _options, _warnings) = (example, run, options, warnings);
        var seen = new HashSet<nint>();
        foreach (var (prefix, module) in modules)
        {
            var lead = prefix.Length == 0 ? "" : prefix + ".";
            foreach (var (name, part) in module.named_modules()) _moduleNames.TryAdd(part.GetType(), []);
            foreach (var (name, part) in module.named_modules()) _moduleNames[part.GetType()].Add(lead + name);
            var all = module.named_parameters().Select(p => (p.name, (Tensor)p.parameter))
                .Concat(module.named_buffers().Select(b => (b.name, b.buffer)));
            foreach (var (name, weight) in all)
            {
                // Tied weights are one tensor under two names.
                if (weight is null || weight.IsInvalid || !seen.Add(TensorIdentity.Of(weight))) continue;
                if (weight.device_type != DeviceType.CPU)
                    throw new ArgumentException(
                        $"The weight {lead}{name} is on {weight.device_type}; move the module to the CPU for the export.", nameof(modules));
                _weights.Add((lead + name, weight));
            }
        }
        _axes = [.. options.DynamicAxes];
        _sizes = new AxisSizes(_axes, [.. _axes.Select(SizeOf)]);
        if (options.CheckInputs.Count > 0
            && (options.CheckInputs.Count != example.Count
                || options.CheckInputs.Where((c, i) => !c.shape.SequenceEqual(example[i].shape) || c.dtype != example[i].dtype).Any()))
            throw new ArgumentException("CheckInputs need the number, sizes and types of the example inputs.", nameof(options));
    }

    public ModelFile Build()
    {
        var traces = new List<TracedGraph>();
        for (var t = 0; t < _sizes.Count + 2; t++) traces.Add(Trace(t));
        var program = new TracedProgram(traces, _sizes);
        var graph = new OnnxGraph();
        var names =
            _example.Select(
                (_, i) =>
                    graph.Claim(i < _options.InputNames.Count ? _options.InputNames[i]
                        : string.Create(CultureInfo.InvariantCulture, $"input{i}"))).ToList();
        for (var k = 0; k < _axes.Count; k++)
        {
            var input = _axes[k].InputsOf(_example.Count).First();
            graph.SetAxisSource(k, names[input], OnnxOperation.Axis(_axes[k].Axis, (int)_example[input].dim()));
        }
        var model = new ModelFile(graph);
        for (var i = 0; i < _example.Count; i++)
            model.AddInput(names[i], TypeOf(_example[i], $"input {names[i]}"), program.Shape(program.Inputs[i].Id)!);
        foreach (var (name, weight) in _weights)
        {
            names.Add(graph.Claim(name));
            graph.Initializers.Add(names[^1], new Initializer(names[^1], TypeOf(weight, $"weight {name}"), weight.detach()));
        }
        var exporter = new GraphExporter(program, graph, names, _options.Rules);
        IReadOnlyList<(string Name, string Id)> results;
        try
        {
            results = exporter.Run();
        }
        catch (NotSupportedException e) when (exporter.Operation >= 0)
        {
            var total = program.Nodes.Count(n => !n.Kind.StartsWith("prim::", StringComparison.Ordinal) && n.Kind != "aten::Int");
            var place = SourcePlace.Of(listener => Trace(0, listener), exporter.Operation, total, _moduleNames);
            throw new NotSupportedException(e.Message + (place.Length == 0 ? "" : $" It is asked for{place}."), e);
        }
        if (_options.OutputNames.Count > results.Count)
            throw new ArgumentException(
                $"There are {_options.OutputNames.Count} OutputNames ({string.Join(", ", _options.OutputNames)}) for {results.Count} "
                    + $"{(results.Count == 1 ? "result" : "results")}.");
        for (var i = 0; i < results.Count; i++)
        {
            var name = graph.Claim(i < _options.OutputNames.Count ? _options.OutputNames[i]
                : string.Create(CultureInfo.InvariantCulture, $"output{i}"));
            model.AddOutput(name, results[i].Name,
                ElementTypes.Of(program.Value(results[i].Id).Type)
                    ?? throw new NotSupportedException(
                        $"Result {name} is of type {program.Value(results[i].Id).Type}, which has no counterpart in ONNX."),
                        program.Shape(results[i].Id)!);
        }
        GraphCleaning.Clean(graph);
        model.Finish(_options.Metadata);
        return model;
    }

    /// <summary>Runs the file on the example and on inputs of other sizes and values, and compares.</summary>
    public IReadOnlyList<OnnxCheck> Verify(IOnnxVerifier verifier, string path, ModelFile model)
    {
        using var session = verifier.Open(path);
        var checks = new List<OnnxCheck>();
        foreach (var t in new[] { 0, _sizes.Count + 1 })
        {
            using var scope = NewDisposeScope();
            var inputs = Inputs(t);
            var expected = _run([.. inputs.Select(i => i.alias())]);
            var actual = session.Run([.. inputs.Select((x, i) => (model.Proto.Graph.Input[i].Name, x))]);
            for (var i = 0; i < expected.Count; i++)
            {
                if (expected[i].is_floating_point() && expected[i].isnan().any().item<bool>())
                    Warn($"the module's own {model.Proto.Graph.Output[i].Name} holds NaN: nothing can be compared there");
            }
            var sizes = string.Join(", ", inputs.Select((x, i) => $"{model.Proto.Graph.Input[i].Name} {Shape.Text(x)}"));
            checks.Add(
                Comparison.Of(sizes, [.. model.Proto.Graph.Output.Select(o => o.Name)], expected, actual, _options.Tolerance,
                    verifier.Name));
        }
        return checks;
    }

    private void Warn(string text)
    {
        if (!_warnings.Contains(text)) _warnings.Add(text);
    }

    private static OnnxType TypeOf(Tensor tensor, string what) =>
        ElementTypes.Of(tensor.dtype)
            ?? throw new NotSupportedException($"The {what} is of {tensor.dtype}, which has no counterpart in ONNX.");

    private TracedGraph Trace(int trace, Action? listener = null)
    {
        var inputs = Inputs(trace);
        return NativeTracer.Trace([.. inputs, .. _weights.Select(w => w.Tensor)], () => _run(inputs), listener);
    }

    // The example, the example with one axis longer, and other values with all axes longer.
    private List<Tensor> Inputs(int trace)
    {
        var sizes = _sizes.InTrace(trace);
        var last = trace == _sizes.Count + 1;
        var inputs = new List<Tensor>();
        for (var i = 0; i < _example.Count; i++)
        {
            var input = last && _options.CheckInputs.Count > 0 ? _options.CheckInputs[i] : _example[i];
            for (var k = 0; k < _axes.Count; k++)
            {
                if (!_axes[k].InputsOf(_example.Count).Contains(i)) continue;
                var axis = OnnxOperation.Axis(_axes[k].Axis, (int)input.dim());
                if (input.size(axis) != sizes[k])
                    input = input.index_select(axis, arange(sizes[k], dtype: ScalarType.Int64).remainder(input.size(axis)));
            }
            // Values in another order stay values that the module takes.
            if (last && _options.CheckInputs.Count == 0) input = input.flatten().roll(1).reshape(input.shape);
            inputs.Add(input.detach().contiguous().alias());
        }
        return inputs;
    }

    private long SizeOf(DynamicAxis axis)
    {
        long? size = null;
        foreach (var i in axis.InputsOf(_example.Count))
        {
            if (i < 0 || i >= _example.Count)
                throw new ArgumentException($"The dynamic axis {axis.Name} names input {i}; there are {_example.Count}.");
            var rank = (int)_example[i].dim();
            var dimension = OnnxOperation.Axis(axis.Axis, rank);
            if (dimension < 0 || dimension >= rank)
                throw new ArgumentException(
                    $"The dynamic axis {axis.Name} is dimension {axis.Axis}, and example input {i} has shape {Shape.Text(_example[i])}; "
                        + $"name the inputs that have it, or leave it out (DynamicAxes = []).");
            if (size is not null && size != _example[i].size(dimension))
                throw new ArgumentException(
                    $"The dynamic axis {axis.Name} is {size} in one example input and {_example[i].size(dimension)} in input {i} "
                        + $"({Shape.Text(_example[i])}); give examples of one size, or name the inputs that have it.");
            size = _example[i].size(dimension);
        }
        return size ?? throw new ArgumentException($"The dynamic axis {axis.Name} belongs to no input.");
    }
}
