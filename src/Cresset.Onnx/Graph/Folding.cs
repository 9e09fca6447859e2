using Cresset.Onnx.Format;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Operations of ONNX computed at once where all their inputs are constants.</summary>
internal static class Folding
{
    /// <summary>How to compute the node; null where it stays in the graph.</summary>
    public static Func<IReadOnlyList<Tensor>>? Find(NodeProto node, IReadOnlyList<Initializer> inputs)
    {
        // Left-out inputs would shift the others.
        if (node.Input.Any(i => i.Length == 0)) return null;
        var x = inputs[0].Values;
        return node.OpType switch
        {
            "Transpose" => () => [x.permute(Ints(node, "perm")).contiguous()],
            "Reshape" when !Longs(inputs[1]).Contains(0) => () => [x.reshape(Longs(inputs[1]))],
            "Unsqueeze" when inputs[1].Count == 1 => () => [x.unsqueeze(Longs(inputs[1])[0])],
            "Squeeze" when inputs.Count == 2 && inputs[1].Count == 1 => () => [x.squeeze(Longs(inputs[1])[0])],
            "Concat" => () => [cat([.. inputs.Select(i => i.Values)], Int(node, "axis"))],
            "Split" when inputs.Count == 2 => () => [.. x.split(Longs(inputs[1]), Int(node, "axis")).Select(p => p.contiguous())],
            "Expand" when inputs[0].Count == 1 => () => [x.expand(Broadcast(x.shape, Longs(inputs[1]))).contiguous()],
            "Cast" => () => [x.to(ElementTypes.Torch((OnnxType)Int(node, "to")))],
            "Gather" when inputs[1].Shape.Length == 0 =>
                () => [x.select(Int(node, "axis"), Index(inputs[1], x.size((int)Int(node, "axis")))).contiguous()],
            "Neg" => () => [x.neg()],
            "Sqrt" => () => [x.sqrt()],
            "Exp" => () => [x.exp()],
            "Sigmoid" => () => [x.sigmoid()],
            "Reciprocal" => () => [x.reciprocal()],
            "Mul" => () => [x.mul(inputs[1].Values)],
            "Add" => () => [x.add(inputs[1].Values)],
            "Sub" => () => [x.sub(inputs[1].Values)],
            "Div" when ElementTypes.IsFloat(inputs[0].Type) => () => [x.div(inputs[1].Values)],
            "Trilu" when inputs.Count == 1 => () => [Int(node, "upper") == 1 ? x.triu() : x.tril()],
            "Range" when inputs[0].Type == OnnxType.Int64 => () => [Range(inputs)],
            _ => null,
        };
    }

    private static Tensor Range(IReadOnlyList<Initializer> inputs)
    {
        var numbers = inputs.Select(i => i.Values.item<long>()).ToArray();
        return arange(numbers[0], numbers[1], numbers[2], dtype: ScalarType.Int64);
    }

    private static long Index(Initializer index, long size) => index.Values.item<long>() is var i && i < 0 ? i + size : i;

    private static long[] Broadcast(long[] shape, long[] wanted)
    {
        var rank = Math.Max(shape.Length, wanted.Length);
        long At(long[] s, int i) => i - rank + s.Length is var k && k < 0 ? 1 : s[k];
        return [.. Enumerable.Range(0, rank).Select(i => Math.Max(At(shape, i), At(wanted, i)))];
    }

    private static long[] Longs(Initializer initializer) => initializer.Values.data<long>().ToArray();

    private static long[] Ints(NodeProto node, string name) => [.. node.Attribute.First(a => a.Name == name).Ints];

    private static long Int(NodeProto node, string name) => node.Attribute.First(a => a.Name == name).I;
}
