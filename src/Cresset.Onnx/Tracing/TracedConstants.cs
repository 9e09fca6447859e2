using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>
/// Constants of a traced graph by their bits. The printed graph rounds numbers and leaves tensors out, so both are read from the graph's
/// own values: <c>torch::jit::toIValue</c> gives a constant's value, and the graph's set of values gives the constants.
/// </summary>
internal static unsafe class TracedConstants
{
    private const string ToValueName = "_ZN5torch3jit8toIValueEPKNS0_5ValueE";

    // In a Graph: a weak pointer to itself (16 bytes), the set of nodes (56), the set of values. A set's chain begins 16 bytes inside it.
    private const int ValueSet = 16 + 56, Chain = 16, Count = 24;

    // Within the smallest size that a Value has had.
    private const int LastOffset = 88;

    private const int TensorTag = 1, DoubleTag = 3;

    /// <summary>Sets <see cref="TracedNode.Value"/> of all constants that are tensors or floating point numbers.</summary>
    /// <exception cref="InvalidDataException">The graph is not laid out as expected: another version of libtorch.</exception>
    public static void Read(nint library, nint graph, TracedGraph parsed)
    {
        var constants =
            parsed.Nodes.Where(
                n => n is { Kind: "prim::Constant", Constant: not null }
                    && (n.Outputs[0].IsTensor || n.Outputs[0].Type is "float" or "Tensor")).ToDictionary(n => n.Outputs[0].Id);
        if (constants.Count == 0) return;
        var toValue = (delegate* unmanaged[Cdecl]<byte*, nint, byte*>)NativeLibrary.GetExport(library, ToValueName);
        // More values than the parsed graph has, or a chain of another length, is not the layout that is known.
        var count = *(long*)(graph + ValueSet + Count);
        if (count < parsed.Values.Count || count > (4L * parsed.Values.Count) + 1024) throw Unknown();
        var values = new List<nint>();
        for (var link = *(nint*)(graph + ValueSet + Chain); link != 0 && values.Count <= count; link = *(nint*)link)
            values.Add(*(nint*)(link + sizeof(nint)));
        if (values.Count != count) throw Unknown();
        var number = NumberOffset(values, parsed);
        var optional = stackalloc byte[32];
        foreach (var value in values)
        {
            if (!constants.Remove((*(long*)(value + number)).ToString(CultureInfo.InvariantCulture), out var node)) continue;
            new Span<byte>(optional, 32).Clear();
            toValue(optional, value);
            if (optional[16] == 0) throw Unknown(node);
            var (payload, tag) = (*(nint*)optional, *(int*)(optional + 8));
            node.Value = tag switch
            {
                DoubleTag => (object)BitConverter.Int64BitsToDouble(payload),
                TensorTag => Wrap(payload),
                _ => throw Unknown(node),
            };
        }
        // A number that is not found is printed with all its digits; a tensor is not.
        foreach (var node in constants.Values)
        {
            node.Value = node.Outputs[0].Type == "float" ? Number(node.Constant!["value=".Length..]) : throw Unknown(node);
        }
    }

    // Where a value keeps the number that it is printed with: all numbers are different, and all that were printed are among them.
    private static int NumberOffset(List<nint> values, TracedGraph parsed)
    {
        var printed = parsed.Values.Keys.Select(id => long.TryParse(id, CultureInfo.InvariantCulture, out var n) ? n : -1).ToList();
        for (var offset = sizeof(nint); offset <= LastOffset; offset += sizeof(nint))
        {
            var found = values.Select(v => *(long*)(v + offset)).ToHashSet();
            if (found.Count == values.Count && printed.TrueForAll(found.Contains)) return offset;
        }
        throw Unknown();
    }

    // The optional's reference becomes the tensor's own; at::Tensor is one pointer.
    private static Tensor Wrap(nint implementation)
    {
        var handle = (nint*)NativeTracer.Allocate((nuint)sizeof(nint));
        *handle = implementation;
        return Tensor.UnsafeCreateTensor((nint)handle).detach();
    }

    private static double Number(string text) => text switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" => double.NaN,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    private static InvalidDataException Unknown(TracedNode? node = null) => new(
        $"The traced graph is laid out in a way that is not known "
            + $"here{(node is null ? "" : $" ({node.Outputs[0].Type} {node.Outputs[0].Id} = {node.Constant})")}; ONNX files are written "
            + $"with libtorch 2.10 (TorchSharp 0.107).");
}
