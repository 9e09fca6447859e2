namespace Cresset.Onnx;

/// <summary>Normalisation.</summary>
internal static class NormRules
{
    public static void AddTo(RuleTable table)
    {
        table.One("batch_norm", BatchNorm);
        table.One("instance_norm", InstanceNorm);
        table.One("layer_norm", LayerNorm);
        table.One("rms_norm", RmsNorm);
        table.One("group_norm", GroupNorm);
    }

    private static string BatchNorm(OnnxOperation c)
    {
        if (c.Flag(5) || !c.Has(3))
            throw c.Refuse(
                "it takes the statistics of its batch; let the module track running statistics (trackRunningStats) and put it in "
                    + "evaluation mode");
        var channels = c.Size(3, 0);
        return c.Emit(
            "BatchNormalization",
            [c.Tensor(0), c.Has(1) ? c.Tensor(1) : Repeated(c, 1, channels), c.Has(2) ? c.Tensor(2) : Repeated(c, 0, channels), c.Tensor(3),
                c.Tensor(4)], ("epsilon", c.Number(7)));
    }

    private static string InstanceNorm(OnnxOperation c)
    {
        var channels = c.Size(0, 1);
        var (scale, shift) = (c.Has(1) ? c.Tensor(1) : Repeated(c, 1, channels), c.Has(2) ? c.Tensor(2) : Repeated(c, 0, channels));
        return c.Flag(5)
            ? c.Emit("InstanceNormalization", [c.Tensor(0), scale, shift], ("epsilon", c.Number(7)))
            : c.Emit("BatchNormalization", [c.Tensor(0), scale, shift, c.Tensor(3), c.Tensor(4)], ("epsilon", c.Number(7)));
    }

    private static string LayerNorm(OnnxOperation c)
    {
        var sizes = c.Ints(1);
        var scale = c.Has(2) ? c.Tensor(2) : c.Emit("Expand", [c.Scalar(1, c.ResultType), c.Int64(sizes)]);
        return c.Emit("LayerNormalization", c.Has(3) ? [c.Tensor(0), scale, c.Tensor(3)] : [c.Tensor(0), scale],
            ("axis", (long)-sizes.Length), ("epsilon", c.Number(4)));
    }

    // x / sqrt(mean(x^2) + eps); without an epsilon libtorch takes that of the type.
    private static string RmsNorm(OnnxOperation c)
    {
        var axes = c.Int64([.. c.Ints(1).Select((_, i) => -(long)(i + 1))]);
        var epsilon = c.Has(3) ? c.Number(3) : c.ResultType == OnnxType.Double ? double.BitIncrement(1) - 1 : MathF.BitIncrement(1) - 1;
        var mean = c.Emit("ReduceMean", [c.Emit("Mul", [c.Tensor(0), c.Tensor(0)]), axes], ("keepdims", 1L));
        var result = c.Emit("Div", [c.Tensor(0), c.Emit("Sqrt", [c.Emit("Add", [mean, c.Scalar(epsilon, c.ResultType)])])]);
        return c.Has(2) ? c.Emit("Mul", [result, c.Tensor(2)]) : result;
    }

    // Groups become the channels of an instance norm; scale and shift follow per channel. (GroupNormalization changed its meaning between
    // opsets.)
    private static string GroupNorm(OnnxOperation c)
    {
        var (rank, groups) = (c.Rank(0), c.Int(1));
        var grouped = c.Emit("Reshape", [c.Tensor(0), c.Int64(0, groups, -1)]);
        var normed = c.Emit("InstanceNormalization", [grouped, Repeated(c, 1, groups), Repeated(c, 0, groups)], ("epsilon", c.Number(4)));
        var result = c.Emit("Reshape", [normed, c.Emit("Shape", [c.Tensor(0)])]);
        var channel = c.Int64([-1, .. Enumerable.Repeat(1L, rank - 2)]);
        if (c.Has(2)) result = c.Emit("Mul", [result, c.Emit("Reshape", [c.Tensor(2), channel])]);
        return c.Has(3) ? c.Emit("Add", [result, c.Emit("Reshape", [c.Tensor(3), channel])]) : result;
    }

    private static string Repeated(OnnxOperation c, double value, long count) =>
        c.Emit("Expand", [c.Scalar(value, c.ResultType), c.Int64(count)]);
}
