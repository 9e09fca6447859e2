namespace Cresset.Onnx;

/// <summary>Attention by products and a softmax: opset 20 has no operation of its own.</summary>
internal static class AttentionRules
{
    public static void AddTo(RuleTable table) => table.One("scaled_dot_product_attention", Attention);

    private static string Attention(OnnxOperation c)
    {
        if (c.Number(4) > 0) throw c.Refuse("it drops at random");
        if (c.Count > 7 && c.Has(7) && c.Flag(7)) throw c.Refuse("queries share keys (enable_gqa); repeat the keys");
        var rank = c.Rank(1);
        var scale = c.Count > 6 && c.Has(6) ? c.Number(6) : 1 / Math.Sqrt(c.Size(0, -1));
        var order = Enumerable.Range(0, rank).Select(i => (long)i).ToArray();
        (order[^1], order[^2]) = (order[^2], order[^1]);
        var scores = c.Emit("MatMul",
            [c.Emit("Mul", [c.Tensor(0), c.Scalar(scale, c.ResultType)]), c.Emit("Transpose", [c.Tensor(1)], ("perm", order))]);
        if (c.Has(3))
        {
            scores = c.TypeOf(3) == OnnxType.Bool
                ? c.Emit("Where", [c.Tensor(3), scores, c.Scalar(double.NegativeInfinity, c.ResultType)])
                : c.Emit("Add", [scores, c.Operand(3, c.ResultType)]);
        }
        if (c.Flag(5))
        {
            var ones = c.Emit("Expand", [c.Scalar(1, OnnxType.Float), c.SizeList([c.Shape(0)[^2], c.Shape(1)[^2]])]);
            var mask = c.Cast(c.Emit("Trilu", [ones], ("upper", 0L)), OnnxType.Bool);
            scores = c.Emit("Where", [mask, scores, c.Scalar(double.NegativeInfinity, c.ResultType)]);
        }
        var shares = c.Emit("Softmax", [scores], ("axis", -1L));
        // A row whose keys are all masked is not a number in softmax; libtorch gives zeros there.
        if (c.Has(3) && c.TypeOf(3) == OnnxType.Bool)
            shares = c.Emit("Where", [c.Emit("IsNaN", [shares]), c.Scalar(0, c.ResultType), shares]);
        return c.Emit("MatMul", [shares, c.Tensor(2)]);
    }
}
