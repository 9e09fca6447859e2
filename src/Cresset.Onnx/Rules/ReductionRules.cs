namespace Cresset.Onnx;

/// <summary>Sums, means, extremes, norms, spreads.</summary>
internal static class ReductionRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var (aten, onnx) in new[] { ("sum", "ReduceSum"), ("mean", "ReduceMean"), ("nansum", "ReduceSum") })
            table.One(aten,
                c => Reduce(c, onnx,
                    aten == "nansum" ? c.Emit("Where", [c.Emit("IsNaN", [c.Tensor(0)]), c.Scalar(0, c.ResultType), c.Tensor(0)])
                        : c.Operand(0, c.ResultType), c.Count < 4 ? [] : Axes(c, 1), c.Count >= 4 && c.Flag(2)));
        table.One("prod",
            c => Reduce(c, "ReduceProd", c.Operand(0, c.ResultType), c.Count < 4 ? [] : [c.Int(1)], c.Count >= 4 && c.Flag(2)));
        table.One("amax", c => Reduce(c, "ReduceMax", c.Tensor(0), Axes(c, 1), c.Flag(2)));
        table.One("amin", c => Reduce(c, "ReduceMin", c.Tensor(0), Axes(c, 1), c.Flag(2)));
        table.Many("aminmax", c =>
        {
            long[] axes = c.Has(1) ? [c.Int(1)] : [];
            return [Reduce(c, "ReduceMin", c.Tensor(0), axes, c.Flag(2)), Reduce(c, "ReduceMax", c.Tensor(0), axes, c.Flag(2))];
        });
        foreach (var log in new[] { "logsumexp", "special_logsumexp" })
            table.One(log, c => Reduce(c, "ReduceLogSumExp", c.Operand(0, c.ResultType), Axes(c, 1), c.Flag(2)));
        table.Many("max", c => Extreme(c, "ReduceMax", "ArgMax"));
        table.Many("min", c => Extreme(c, "ReduceMin", "ArgMin"));
        table.One("argmax", c => Argument(c, "ArgMax"));
        table.One("argmin", c => Argument(c, "ArgMin"));
        table.One("all", c => Truth(c, "ReduceMin"));
        table.One("any", c => Truth(c, "ReduceMax"));
        table.One("count_nonzero",
            c => Reduce(c, "ReduceSum", c.Cast(c.Operand(0, OnnxType.Bool), OnnxType.Int64), c.Has(1) ? c.Ints(1) : [], keep: false));
        table.One("cumsum", c => c.Emit("CumSum", [c.Operand(0, c.ResultType), c.Int64Scalar(c.Int(1))]));
        table.One("var", c => Spread(c)[0]);
        table.One("std", c => c.Emit("Sqrt", [Spread(c)[0]]));
        table.Many("var_mean", Spread);
        table.Many("std_mean", c => Spread(c) is var s ? [c.Emit("Sqrt", [s[0]]), s[1]] : []);
        table.One("norm",
            c => Norm(c, c.Operand(0, c.ResultType), c.Has(1) ? c.Number(1) : 2, c.Count >= 4 ? Axes(c, 2) : [],
                c.Count >= 4 && c.Flag(3)));
        table.One("linalg_vector_norm", c => Norm(c, c.Operand(0, c.ResultType), c.Number(1), Axes(c, 2), c.Flag(3)));
        table.One("linalg_norm",
            c => !c.Has(1) && (c.Has(2) || c.Rank(0) > 0) && (!c.Has(2) || c.Ints(2).Length == 1 || !c.Has(1))
                ? Norm(c, c.Operand(0, c.ResultType), 2, Axes(c, 2), c.Flag(3)) : c.Has(2) && c.Ints(2).Length == 1
                ? Norm(c, c.Operand(0, c.ResultType), c.Number(1), Axes(c, 2), c.Flag(3)) : throw c.Refuse("it is a matrix norm"));
        table.One("frobenius_norm", c => Norm(c, c.Operand(0, c.ResultType), 2, Axes(c, 1), c.Flag(2)));
    }

    /// <summary>The p-norm along some dimensions; none means all.</summary>
    public static string Norm(OnnxOperation c, string x, double p, long[] axes, bool keep)
    {
        if (double.IsPositiveInfinity(p)) return Reduce(c, "ReduceMax", c.Emit("Abs", [x]), axes, keep);
        if (double.IsNegativeInfinity(p)) return Reduce(c, "ReduceMin", c.Emit("Abs", [x]), axes, keep);
        if (p == 0) return Reduce(c, "ReduceSum", c.Cast(c.Cast(x, OnnxType.Bool), c.ResultType), axes, keep);
        if (p == 1) return Reduce(c, "ReduceL1", x, axes, keep);
        if (p == 2) return Reduce(c, "ReduceL2", x, axes, keep);
        var total = Reduce(c, "ReduceSum", c.Emit("Pow", [c.Emit("Abs", [x]), c.Scalar(p, c.ResultType)]), axes, keep);
        return c.Emit("Pow", [total, c.Scalar(1 / p, c.ResultType)]);
    }

    private static long[] Axes(OnnxOperation c, int index) => c.Has(index) ? c.Ints(index) : [];

    private static string Reduce(OnnxOperation c, string type, string x, long[] axes, bool keep)
        => c.Emit(type, axes.Length == 0 ? [x] : [x, c.Int64(axes)], ("keepdims", keep));

    private static string[] Extreme(OnnxOperation c, string type, string argument)
    {
        if (c.Count == 1) return [Reduce(c, type, c.Operand(0, c.ResultType), [], keep: false)];
        if (c.IsTensor(1)) return [c.Emit(type == "ReduceMax" ? "Max" : "Min", [c.Operand(0, c.ResultType), c.Operand(1, c.ResultType)])];
        return [Reduce(c, type, c.Tensor(0), [c.Int(1)], c.Flag(2)),
            c.Emit(argument, [c.Tensor(0)], ("axis", c.Int(1)), ("keepdims", c.Flag(2)))];
    }

    private static string Argument(OnnxOperation c, string type)
        => c.Has(1)
            ? c.Emit(type, [c.Tensor(0)], ("axis", c.Int(1)), ("keepdims", c.Flag(2)))
            : c.Emit("Squeeze",
                [c.Emit(type, [c.Emit("Reshape", [c.Tensor(0), c.Int64(-1)])], ("axis", 0L), ("keepdims", 1L)), c.Int64(0)]);

    // The smallest of zeros and ones is one where all are.
    private static string Truth(OnnxOperation c, string type)
        => c.Cast(
            Reduce(c, type, c.Cast(c.Operand(0, OnnxType.Bool), OnnxType.Int32), c.Count > 1 && c.Has(1) ? c.Ints(1) : [],
                c.Count > 2 && c.Flag(2)), OnnxType.Bool);

    // (self, unbiased), (self, dims, unbiased, keep) or (self, dims, correction, keep): variance and mean.
    private static string[] Spread(OnnxOperation c)
    {
        var (axes, keep) = (c.Count > 2 ? Axes(c, 1) : [], c.Count > 2 && c.Flag(3));
        var correction = c.Count > 2 ? (c.Has(2) ? c.Number(2) : 1) : c.Number(1);
        var x = c.Tensor(0);
        var mean = Reduce(c, "ReduceMean", x, axes, keep: true);
        var gap = c.Emit("Sub", [x, mean]);
        var squares = Reduce(c, "ReduceSum", c.Emit("Mul", [gap, gap]), axes, keep);
        // The count is the input's elements over the result's, whatever their sizes.
        string Elements(string t) => c.Emit("ReduceProd", [c.Emit("Shape", [t])], ("keepdims", 0L));
        var count = c.Cast(c.Emit("Div", [Elements(x), Elements(mean)]), c.ResultType);
        var variance = c.Emit("Div",
            [squares, c.Emit("Max", [c.Emit("Sub", [count, c.Scalar(correction, c.ResultType)]), c.Scalar(0, c.ResultType)])]);
        return [variance,
            keep ? mean : axes.Length == 0 ? Reduce(c, "ReduceMean", x, [], keep: false) : c.Emit("Squeeze", [mean, c.Int64(axes)])];
    }
}
