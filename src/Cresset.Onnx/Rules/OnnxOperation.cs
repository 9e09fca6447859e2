using System.Globalization;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// One traced operation of libtorch while a rule turns it into operations of ONNX: its arguments by position, as libtorch's schema orders
/// them, and <see cref="Emit(string, IReadOnlyList{string}, ValueTuple{string, object}[])"/> to write with.
/// </summary>
public sealed class OnnxOperation
{
    private readonly OnnxGraph _graph;
    private readonly TracedProgram _program;
    private readonly TracedNode _node;
    private readonly IReadOnlyDictionary<string, object?> _values;
    private readonly string _scope;

    internal OnnxOperation(OnnxGraph graph, TracedProgram program, TracedNode node, IReadOnlyDictionary<string, object?> values,
        IReadOnlyList<TracedValue>? parts)
    {
        (_graph, _program, _node, _values, PartIds) = (graph, program, node, values, parts?.Select(p => p.Id).ToList());
        _scope = node.Kind.Replace("aten::", "", StringComparison.Ordinal);
    }

    /// <summary>libtorch's name of the operation, such as <c>aten::relu</c>.</summary>
    public string Name => _node.Kind;

    /// <summary>Arguments of the operation.</summary>
    public int Count => _node.Inputs.Count;

    /// <summary>Element type of the first result.</summary>
    public OnnxType ResultType => TypeOf(_node.Outputs[0]);

    /// <summary>Sizes of the first result.</summary>
    public IReadOnlyList<OnnxSize> ResultShape => _program.Shape(_node.Outputs[0].Id) ?? throw Refuse("its result is not a tensor");

    /// <summary>How many results it has.</summary>
    public int ResultCount => _node.Outputs.Count;

    internal IReadOnlyList<string>? PartIds { get; }

    /// <summary>True when the argument is given and not None.</summary>
    public bool Has(int index) => index < Count && _values[_node.Inputs[index]] is not null;

    /// <summary>True when the argument is a tensor.</summary>
    public bool IsTensor(int index) =>
        index < Count && _values[_node.Inputs[index]] is string or UnfilledTensor && Argument(index).IsTensor;

    /// <summary>The name of a tensor in the file.</summary>
    public string Tensor(int index)
        => index < Count && _values[_node.Inputs[index]] is var value && Argument(index).IsTensor
            ? value as string ?? throw Unfilled()
            : throw Refuse($"argument {index} is not a tensor");

    /// <summary>A tensor, or a number as a constant, in the given type.</summary>
    public string Operand(int index, OnnxType type)
    {
        if (IsTensor(index)) return TypeOf(index) == type ? Tensor(index) : Cast(Tensor(index), type);
        if (index < Count && _values[_node.Inputs[index]] is OnnxSize { IsFixed: false } size)
            return Cast(Emit("Squeeze", [SizeList([size]), Int64(0)]), type);
        return Scalar(Number(index), type);
    }

    /// <summary>Element type of a tensor.</summary>
    public OnnxType TypeOf(int index) => TypeOf(Argument(index));

    /// <summary>Dimensions of a tensor.</summary>
    public int Rank(int index) => Argument(index).Shape?.Length ?? throw Refuse($"argument {index} is not a tensor");

    /// <summary>Sizes of a tensor, which may vary.</summary>
    public IReadOnlyList<OnnxSize> Shape(int index) =>
        _program.Shape(_node.Inputs[index]) ?? throw Refuse($"argument {index} is not a tensor");

    /// <summary>A size of a tensor that the rule needs as a constant.</summary>
    public long Size(int index, int axis)
    {
        var size = Shape(index)[axis < 0 ? axis + Rank(index) : axis];
        return size.IsFixed ? size.Value
            : throw Refuse(
                $"it needs dimension {axis} of argument {index} as a constant, and it varies ({size}); take that size out of DynamicAxes");
    }

    /// <summary>Sizes from dimension <paramref name="first"/> on, as constants.</summary>
    public long[] SizesFrom(int index, int first) => [.. Enumerable.Range(first, Rank(index) - first).Select(d => Size(index, d))];

    /// <summary>A number.</summary>
    public double Number(int index) => Value(index) switch
    {
        OnnxSize whole => Fixed(whole, index),
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => throw Refuse($"argument {index} is not a number"),
    };

    /// <summary>A whole number.</summary>
    public long Int(int index) => Value(index) switch
    {
        OnnxSize whole => Fixed(whole, index),
        bool flag => flag ? 1 : 0,
        _ => throw Refuse($"argument {index} is not a whole number"),
    };

    /// <summary>A whole number that may vary.</summary>
    public OnnxSize Whole(int index) => Value(index) as OnnxSize ?? throw Refuse($"argument {index} is not a whole number");

    /// <summary>A truth value.</summary>
    public bool Flag(int index) => Value(index) switch
    {
        bool flag => flag,
        OnnxSize number => number.Value != 0,
        _ => throw Refuse($"argument {index} is neither true nor false"),
    };

    /// <summary>A text.</summary>
    public string Text(int index) =>
        Argument(index).IsTensor ? throw Refuse($"argument {index} is not text")
            : Value(index) as string ?? throw Refuse($"argument {index} is not text");

    /// <summary>A list of whole numbers that may vary.</summary>
    public IReadOnlyList<OnnxSize> Wholes(int index) => Value(index) switch
    {
        List<object?> list => [.. list.Select(i => i as OnnxSize ?? throw Refuse($"argument {index} is not a list of whole numbers"))],
        OnnxSize one => [one],
        _ => throw Refuse($"argument {index} is not a list of whole numbers"),
    };

    /// <summary>A list of whole numbers.</summary>
    public long[] Ints(int index) => [.. Wholes(index).Select(n => Fixed(n, index))];

    /// <summary>As many whole numbers as there are dimensions; one stands for all.</summary>
    public long[] Ints(int index, int dimensions) => Ints(index) is [var one] ? [.. Enumerable.Repeat(one, dimensions)] : Ints(index);

    /// <summary>A list of numbers.</summary>
    public IReadOnlyList<double> Numbers(int index) => Value(index) switch
    {
        List<object?> list =>
            [.. list.Select(
                i => i switch
                {
                    double d => d,
                    OnnxSize n => Fixed(n, index),
                    _ => throw Refuse($"argument {index} is not a list of numbers"),
                })],
        double one => [one],
        OnnxSize one => [Fixed(one, index)],
        _ => throw Refuse($"argument {index} is not a list of numbers"),
    };

    /// <summary>Names of the tensors in a list; null where an element is None.</summary>
    public IReadOnlyList<string?> TensorsOrNone(int index) => Value(index) is List<object?> list
        ? [.. list.Select(
            i => i switch
            {
                null => null,
                string name => name,
                UnfilledTensor => throw Unfilled(),
                _ => throw Refuse($"argument {index} is not a list of tensors"),
            })]
        : throw Refuse($"argument {index} is not a list of tensors");

    /// <summary>Names of the tensors in a list.</summary>
    public IReadOnlyList<string> Tensors(int index) =>
        [.. TensorsOrNone(index).Select(t => t ?? throw Refuse($"argument {index} holds None"))];

    /// <summary>A dimension counted from the front.</summary>
    public static int Axis(long axis, int rank) => (int)(axis < 0 ? axis + rank : axis);

    /// <summary>Adds an operation of ONNX and returns the name of its result.</summary>
    /// <param name="type">ONNX's name, such as <c>Relu</c>.</param>
    /// <param name="inputs">Names of its inputs; an empty one is left out.</param>
    /// <param name="attributes">Whole numbers, floating point numbers, texts, arrays of long or of text.</param>
    public string Emit(string type, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes) =>
        _graph.Add(type, _scope, inputs, 1, attributes)[0];

    /// <summary>Adds an operation with several results.</summary>
    public string[] Emit(string type, IReadOnlyList<string> inputs, int results, params (string Name, object Value)[] attributes) =>
        _graph.Add(type, _scope, inputs, results, attributes);

    /// <summary>Changes the element type.</summary>
    public string Cast(string name, OnnxType type) => Emit("Cast", [name], ("to", (long)type));

    /// <summary>A number as a constant without dimensions.</summary>
    public string Scalar(double value, OnnxType type) => _graph.Scalar(value, type);

    /// <summary>Whole numbers as a constant of one dimension.</summary>
    public string Int64(params long[] values) => _graph.Int64(values);

    /// <summary>A whole number as a constant without dimensions.</summary>
    public string Int64Scalar(long value) => _graph.Int64Scalar(value);

    /// <summary>Sizes, which may vary, as one tensor of whole numbers.</summary>
    public string SizeList(IReadOnlyList<OnnxSize> sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return sizes.FirstOrDefault(s => !s.IsKnown) is { } unknown
            ? throw Refuse(
                $"a size is {unknown.Value.ToString(CultureInfo.InvariantCulture)} for the example and follows no formula of the sizes "
                    + $"that vary; export with fixed sizes")
            : _graph.Sizes(sizes);
    }

    /// <summary>A tensor as a constant of the file.</summary>
    public string Constant(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return _graph.Constant(values,
            ElementTypes.Of(values.dtype) ?? throw Refuse($"a constant of type {values.dtype} has no counterpart in ONNX"));
    }

    /// <summary>The exception to throw where a rule does not cover the arguments.</summary>
    public NotSupportedException Refuse(string why) =>
        new($"{Name} cannot be exported here: {why} (result of shape [{string.Join(", ", _node.Outputs[0].Shape ?? [])}]).");

    /// <summary>Sizes of the tensors in a list.</summary>
    internal IReadOnlyList<IReadOnlyList<OnnxSize>> ListShapes(int index)
        => [.. _program.Producer(_node.Inputs[index])!.Inputs.Select(i => _program.Shape(i)!)];

    /// <summary>Sizes of the tensors in a list; null where an element is None.</summary>
    internal IReadOnlyList<IReadOnlyList<OnnxSize>?> ListShapesOrNone(int index)
        => [.. _program.Producer(_node.Inputs[index])!.Inputs.Select(i => _values[i] is null ? null : _program.Shape(i))];

    /// <summary>Element types of the tensors in a list; that of None is given as 64-bit whole numbers.</summary>
    internal IReadOnlyList<OnnxType> ListTypes(int index)
        => [.. _program.Producer(_node.Inputs[index])!.Inputs.Select(i => _values[i] is null ? OnnxType.Int64 : TypeOf(_program.Value(i)))];

    /// <summary>Sizes of the tensors that the result, a list, is taken apart into right after; null where it is not.</summary>
    internal IReadOnlyList<IReadOnlyList<OnnxSize>>? PartShapes => PartIds?.Select(i => _program.Shape(i)!).ToList();

    /// <summary>Sizes of one of several results.</summary>
    internal IReadOnlyList<OnnxSize> ShapeOfResult(int index) => _program.Shape(_node.Outputs[index].Id)!;

    private object? Value(int index) => index < Count ? _values[_node.Inputs[index]] : throw Refuse($"it has no argument {index}");

    private TracedValue Argument(int index) => _program.Value(_node.Inputs[index]);

    private OnnxType TypeOf(TracedValue value) =>
        ElementTypes.Of(value.Type) ?? throw Refuse($"its element type {value.Type} has no counterpart in ONNX");

    private NotSupportedException Unfilled() =>
        Refuse("it reads memory that nothing recorded has filled: a kernel of its own wrote it unseen, or empty() was left as it was");

    private long Fixed(OnnxSize number, int index) => number.IsFixed
        ? number.Value
        : throw Refuse(
            $"argument {index} varies with the input's sizes ({number}), where the file can hold a constant alone; take that size out of "
                + $"DynamicAxes");
}

/// <summary>What <c>empty</c> gives: memory that a later operation must fill as a whole.</summary>
internal sealed record UnfilledTensor;
