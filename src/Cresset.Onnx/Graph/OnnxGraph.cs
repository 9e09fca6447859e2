using System.Globalization;
using Cresset.Onnx.Format;
using Google.Protobuf;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>An ONNX graph being written: operations, weights, constants and the names of values.</summary>
internal sealed class OnnxGraph
{
    private readonly Dictionary<string, string> _constants = [];
    private readonly Dictionary<string, string> _sizes = [];
    private readonly Dictionary<int, (string Input, int Axis)> _axisSources = [];
    private readonly HashSet<string> _taken = [];
    private int _names;

    public GraphProto Proto { get; } = new() { Name = "module" };

    public Dictionary<string, Initializer> Initializers { get; } = [];

    /// <summary>Says that the axis numbered <paramref name="number"/> is a dimension of an input.</summary>
    public void SetAxisSource(int number, string input, int axis) => _axisSources[number] = (input, axis);

    /// <summary>Keeps a name for an input, a weight or a result; a name that is taken gets a number behind it.</summary>
    public string Claim(string name)
    {
        var free = name;
        for (var i = 1; !_taken.Add(free); i++) free = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
        return free;
    }

    /// <summary>Adds an operation with several results.</summary>
    public string[] Add(string type, string scope, IReadOnlyList<string> inputs, int outputs,
        IReadOnlyList<(string Name, object Value)> attributes)
    {
        var node = new NodeProto
        {
            OpType = type,
            Name = string.Create(CultureInfo.InvariantCulture, $"{scope}/{type}_{Proto.Node.Count}")
        };
        // Missing arguments behind the last one given are left out.
        var given = inputs.Count;
        while (given > 0 && inputs[given - 1].Length == 0) given--;
        node.Input.AddRange(inputs.Take(given));
        for (var i = 0; i < outputs; i++) node.Output.Add(NewName());
        foreach (var (name, value) in attributes) node.Attribute.Add(Attribute(name, value));
        Proto.Node.Add(node);
        return [.. node.Output];
    }

    public string Add(string type, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes) =>
        Add(type, "", inputs, 1, attributes)[0];

    /// <summary>Whole numbers as a constant of one dimension.</summary>
    public string Int64(params long[] values) =>
        Constant($"i64[{string.Join(',', values)}]", OnnxType.Int64, () => tensor(values, dtype: ScalarType.Int64));

    public string Int64Scalar(long value) =>
        Constant(string.Create(CultureInfo.InvariantCulture, $"i64:{value}"), OnnxType.Int64, () => tensor(value, dtype: ScalarType.Int64));

    /// <summary>A number as a constant without dimensions.</summary>
    public string Scalar(double value, OnnxType type)
        => Constant(string.Create(CultureInfo.InvariantCulture, $"{type}:{BitConverter.DoubleToInt64Bits(value)}"), type,
            () => tensor(value, dtype: ScalarType.Float64).to(ElementTypes.Torch(type)));

    /// <summary>A tensor as a constant; the graph keeps it.</summary>
    public string Constant(Tensor values, OnnxType type)
    {
        var name = Claim(string.Create(CultureInfo.InvariantCulture, $"constant_{Initializers.Count}"));
        Initializers.Add(name, new Initializer(name, type, values));
        return name;
    }

    /// <summary>A list of sizes, whose parts may vary.</summary>
    public string Sizes(IReadOnlyList<OnnxSize> sizes)
    {
        if (sizes.All(s => s.IsFixed)) return Int64([.. sizes.Select(s => s.Value)]);
        return sizes.Count == 1 ? Size(sizes[0]) : Add("Concat", [.. sizes.Select(Size)], ("axis", 0L));
    }

    /// <summary>One size as a constant or computed value of one dimension, [1].</summary>
    public string Size(OnnxSize size)
    {
        if (size.IsFixed) return Int64(size.Value);
        if (!size.IsKnown) throw new InvalidOperationException("A size without a formula cannot be written.");
        if (_sizes.TryGetValue(size.Formula, out var known)) return known;
        string? sum = null;
        foreach (var term in size.Terms!)
        {
            string? product = null;
            foreach (var axis in term.Axes) product = product is null ? AxisSize(axis) : Add("Mul", [product, AxisSize(axis)]);
            if (term.Factor != 1) product = Add("Mul", [product!, Int64(term.Factor)]);
            if (term.Divisor != 1) product = Add("Div", [product!, Int64(term.Divisor)]);
            sum = sum is null ? product : Add("Add", [sum, product!]);
        }
        if (size.Offset != 0) sum = Add("Add", [sum!, Int64(size.Offset)]);
        return _sizes[size.Formula] = sum!;
    }

    private string AxisSize(int number)
    {
        if (_sizes.TryGetValue($"axis {number}", out var known)) return known;
        var (input, axis) = _axisSources[number];
        return _sizes[$"axis {number}"] = Add("Shape", [input], ("start", (long)axis), ("end", axis + 1L));
    }

    private string Constant(string key, OnnxType type, Func<Tensor> make)
    {
        if (_constants.TryGetValue(key, out var known)) return known;
        return _constants[key] = Constant(make(), type);
    }

    private string NewName() => Claim(string.Create(CultureInfo.InvariantCulture, $"v{_names++}"));

    private static AttributeProto Attribute(string name, object value)
    {
        var attribute = new AttributeProto { Name = name };
        switch (value)
        {
            case bool flag:
                (attribute.Type, attribute.I) = (AttributeProto.Types.AttributeType.Int, flag ? 1 : 0);
                break;
            case int number:
                (attribute.Type, attribute.I) = (AttributeProto.Types.AttributeType.Int, number);
                break;
            case long number:
                (attribute.Type, attribute.I) = (AttributeProto.Types.AttributeType.Int, number);
                break;
            case float number:
                (attribute.Type, attribute.F) = (AttributeProto.Types.AttributeType.Float, number);
                break;
            case double number:
                (attribute.Type, attribute.F) = (AttributeProto.Types.AttributeType.Float, (float)number);
                break;
            case string text:
                (attribute.Type, attribute.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(text));
                break;
            case long[] numbers:
                attribute.Type = AttributeProto.Types.AttributeType.Ints;
                attribute.Ints.AddRange(numbers);
                break;
            case string[] texts:
                attribute.Type = AttributeProto.Types.AttributeType.Strings;
                attribute.Strings.AddRange(texts.Select(ByteString.CopyFromUtf8));
                break;
            default:
                throw new ArgumentException(
                    $"The attribute {name} is a {value.GetType().Name}; bool, int, long, float, double, string and arrays of long and "
                        + $"string can be written.", nameof(value));
        }
        return attribute;
    }
}
