using System.Runtime.InteropServices;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The contents of a mask, one byte per entry: cheap to compare with what was seen last.</summary>
internal static class MaskBytes
{
    public static byte[] Of(Tensor mask)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var view = TensorView.Dense<bool>(TensorView.ToDense(mask.to(ScalarType.Bool).cpu()));
        return MemoryMarshal.AsBytes(view.Span).ToArray();
    }

    public static bool Same(Tensor mask, byte[] known)
    {
        if (TensorView.IsDense<bool>(mask))
        {
            using var view = TensorView.Dense<bool>(mask);
            return MemoryMarshal.AsBytes(view.Span).SequenceEqual(known);
        }
        return Of(mask).AsSpan().SequenceEqual(known);
    }

    public static bool SamePlace(Device a, Device b) => a.type == b.type && a.index == b.index;
}

/// <summary>The order of values that the masks of an autoregressive network stand for.</summary>
internal static class MaskOrder
{
    /// <param name="masks">Masks of the layers, first to last, row by row.</param>
    /// <param name="inputs">Inputs of each layer.</param>
    /// <param name="known">An order to keep where the masks agree with it; gives the number of values.</param>
    /// <param name="perValue">Outputs for each value.</param>
    /// <exception cref="InvalidDataException">A value would depend on itself.</exception>
    public static int[] Read(byte[][] masks, int[] inputs, int[] known, int perValue)
    {
        var count = known.Length;
        var depends = Depends(masks, inputs, count, perValue);
        if (Enumerable.Range(0, count).All(i => depends[i].All(j => known[j] < known[i]))) return known;
        var order = new int[count];
        Array.Fill(order, -1);
        // A value comes after all that it depends on.
        for (var position = 0; order.Contains(-1); position++)
        {
            int[] next = [.. Enumerable.Range(0, count).Where(i => order[i] < 0 && depends[i].All(j => order[j] >= 0))];
            if (next.Length == 0)
                throw new InvalidDataException(
                    "The masks that were loaded are not autoregressive: a value depends on itself. They belong to another kind of "
                        + "network.");
            foreach (var i in next) order[i] = position;
        }
        return order;
    }

    // For each value the values that its parameters read.
    private static List<int>[] Depends(byte[][] masks, int[] inputs, int count, int perValue)
    {
        var reach = new bool[inputs[0]][];
        for (var i = 0; i < inputs[0]; i++)
        {
            reach[i] = new bool[inputs[0]];
            reach[i][i] = true;
        }
        for (var layer = 0; layer < masks.Length; layer++)
        {
            var outputs = masks[layer].Length / inputs[layer];
            var next = new bool[outputs][];
            for (var o = 0; o < outputs; o++)
            {
                next[o] = new bool[inputs[0]];
                for (var i = 0; i < inputs[layer]; i++)
                {
                    if (masks[layer][(o * inputs[layer]) + i] == 0) continue;
                    for (var k = 0; k < inputs[0]; k++) next[o][k] |= reach[i][k];
                }
            }
            reach = next;
        }
        return [.. Enumerable.Range(0, count)
            .Select(v => Enumerable.Range(0, count).Where(j => Enumerable.Range(v * perValue, perValue).Any(o => reach[o][j])).ToList())];
    }
}
