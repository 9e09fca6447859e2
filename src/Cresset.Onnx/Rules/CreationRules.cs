using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>New tensors: of one value, ranges, and memory filled in place.</summary>
internal static class CreationRules
{
    public static void AddTo(RuleTable table)
    {
        table.One("zeros", c => Filled(c, 0, c.Scalar(0, c.ResultType)));
        table.One("ones", c => Filled(c, 0, c.Scalar(1, c.ResultType)));
        table.One("full", c => Filled(c, 0, c.Operand(1, c.ResultType)));
        table.One("new_zeros", c => Filled(c, 1, c.Scalar(0, c.ResultType)));
        table.One("new_ones", c => Filled(c, 1, c.Scalar(1, c.ResultType)));
        table.One("new_full", c => Filled(c, 1, c.Operand(2, c.ResultType)));
        table.One("scalar_tensor", c => c.Operand(0, c.ResultType));
        foreach (var zeros in new[] { "zeros_like", "zero" }) table.One(zeros, c => Like(c, c.Scalar(0, c.ResultType)));
        table.One("ones_like", c => Like(c, c.Scalar(1, c.ResultType)));
        table.One("full_like", c => Like(c, c.Operand(1, c.ResultType)));
        table.One("fill", c => Like(c, c.Operand(1, c.ResultType)));
        table.One("copy", c => Like(c, c.Operand(1, c.ResultType)));
        table.One("arange", Arange);
        table.One("linspace", Linspace);
        table.One("eye", Eye);
        table.Many("meshgrid", Meshgrid);
    }

    private static string Filled(OnnxOperation c, int sizes, string value) =>
        c.Wholes(sizes).Count == 0 ? value : c.Emit("Expand", [value, c.SizeList(c.Wholes(sizes))]);

    // The first argument gives the shape alone: memory may be empty.
    private static string Like(OnnxOperation c, string value) =>
        c.ResultShape.Count == 0 ? value : c.Emit("Expand", [value, c.SizeList(c.ResultShape)]);

    private static string Arange(OnnxOperation c)
    {
        // (end, dtype, layout, device, pin), (start, end, ...) or (start, end, step, ...).
        var numbers = c.Count - 4;
        var type = c.ResultType;
        string At(int i) => c.Operand(i, type);
        return numbers switch
        {
            1 => c.Emit("Range", [c.Scalar(0, type), At(0), c.Scalar(1, type)]),
            2 => c.Emit("Range", [At(0), At(1), c.Scalar(1, type)]),
            _ => c.Emit("Range", [At(0), At(1), At(2)]),
        };
    }

    private static string Linspace(OnnxOperation c)
    {
        var steps = c.Int(2);
        return c.Constant(linspace(c.Number(0), c.Number(1), steps, dtype: ElementTypes.Torch(c.ResultType)));
    }

    private static string Eye(OnnxOperation c)
    {
        var shape = c.ResultShape;
        if (!shape.All(s => s.IsFixed)) throw c.Refuse("its size varies");
        return c.Constant(eye(shape[0].Value, shape[1].Value, dtype: ElementTypes.Torch(c.ResultType)));
    }

    private static string[] Meshgrid(OnnxOperation c)
    {
        var tensors = c.Tensors(0);
        var shapes = c.ListShapes(0);
        var swapped = c.Count > 1 && c.Has(1) && c.Text(1) == "xy" && tensors.Count > 1;
        OnnxSize Length(int i) => shapes[i].Count == 0 ? OnnxSize.Fixed(1) : shapes[i][0];
        var order = Enumerable.Range(0, tensors.Count).ToArray();
        if (swapped) (order[0], order[1]) = (1, 0);
        var results = new string[tensors.Count];
        for (var i = 0; i < tensors.Count; i++)
        {
            var place = Array.IndexOf(order, i);
            var shaped = c.Emit("Reshape",
                [tensors[i], c.Int64([.. Enumerable.Range(0, tensors.Count).Select(d => d == place ? -1L : 1)])]);
            results[i] = c.Emit("Expand", [shaped, c.SizeList([.. order.Select(Length)])]);
        }
        return results;
    }
}
