namespace Cresset.Onnx;

/// <summary>Comparisons, truth values, choices, bits.</summary>
internal static class ComparisonRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var (aten, onnx) in new[] { ("eq", "Equal"), ("lt", "Less"), ("gt", "Greater"), ("le", "LessOrEqual"),
            ("ge", "GreaterOrEqual"), ("less", "Less"), ("greater", "Greater"), ("less_equal", "LessOrEqual"),
            ("greater_equal", "GreaterOrEqual") })
            table.One(aten, c => Compare(c, onnx));
        foreach (var ne in new[] { "ne", "not_equal" }) table.One(ne, c => c.Emit("Not", [Compare(c, "Equal")]));
        table.One("logical_not", c => c.Emit("Not", [c.Operand(0, OnnxType.Bool)]));
        foreach (var (aten, onnx) in new[] { ("logical_and", "And"), ("logical_or", "Or"), ("logical_xor", "Xor") })
            table.One(aten, c => c.Emit(onnx, [c.Operand(0, OnnxType.Bool), c.Operand(1, OnnxType.Bool)]));
        foreach (var (aten, truth, bits) in new[] { ("bitwise_and", "And", "BitwiseAnd"), ("bitwise_or", "Or", "BitwiseOr"),
            ("bitwise_xor", "Xor", "BitwiseXor"), ("__and__", "And", "BitwiseAnd"), ("__or__", "Or", "BitwiseOr"),
            ("__xor__", "Xor", "BitwiseXor") })
            table.One(aten, c => ArithmeticRules.Binary(c, c.ResultType == OnnxType.Bool ? truth : bits));
        table.One("bitwise_not", c => c.Emit(c.ResultType == OnnxType.Bool ? "Not" : "BitwiseNot", [c.Tensor(0)]));
        table.One("isnan", c => c.Emit("IsNaN", [c.Tensor(0)]));
        table.One("isinf", c => c.Emit("IsInf", [c.Tensor(0)]));
        table.One("isfinite", c => c.Emit("Not", [c.Emit("Or", [c.Emit("IsInf", [c.Tensor(0)]), c.Emit("IsNaN", [c.Tensor(0)])])]));
        table.One("where",
            c => c.Count == 3 ? Choose(c, c.Operand(0, OnnxType.Bool), c.Operand(1, c.ResultType), c.Operand(2, c.ResultType))
                : throw c.Refuse("the form with one argument has a result of unknown size"));
        table.One("masked_fill", c => Choose(c, c.Operand(1, OnnxType.Bool), c.Operand(2, c.ResultType), c.Operand(0, c.ResultType)));
        table.One("heaviside",
            c => Choose(c, Compare(c, 0, "Equal"), c.Operand(1, c.ResultType), c.Cast(Compare(c, 0, "Greater"), c.ResultType)));
    }

    /// <summary>The first where the condition holds, otherwise the second. Runtimes lack truth values there: they go as bytes.</summary>
    public static string Choose(OnnxOperation c, string condition, string yes, string no)
        => c.ResultType == OnnxType.Bool
            ? c.Cast(c.Emit("Where", [condition, c.Cast(yes, OnnxType.UInt8), c.Cast(no, OnnxType.UInt8)]), OnnxType.Bool)
            : c.Emit("Where", [condition, yes, no]);

    private static string Compare(OnnxOperation c, int index, string type) =>
        c.Emit(type, [c.Operand(index, c.ResultType), c.Scalar(0, c.ResultType)]);

    // Numbers are compared in the tensor's type; two tensors in the wider one.
    private static string Compare(OnnxOperation c, string type)
    {
        var first = c.TypeOf(0);
        if (c.IsTensor(1))
        {
            var second = c.TypeOf(1);
            first = first == second ? first
                : new[] { OnnxType.Double, OnnxType.Float, OnnxType.Float16, OnnxType.Int64,
                    OnnxType.Int32 }.First(t => t == first || t == second);
        }
        else if (!ElementTypes.IsFloat(first) && c.Number(1) != Math.Floor(c.Number(1))) first = OnnxType.Double;
        // Truth values have no order in ONNX.
        if (first == OnnxType.Bool && type != "Equal") first = OnnxType.Int32;
        return c.Emit(type, [c.Operand(0, first), c.Operand(1, first)]);
    }
}
