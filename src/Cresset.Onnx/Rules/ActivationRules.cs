namespace Cresset.Onnx;

/// <summary>Activations.</summary>
internal static class ActivationRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var (aten, onnx) in new[] { ("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("mish", "Mish"), ("hardswish", "HardSwish"),
            ("selu", "Selu") }) table.One(aten, c => c.Emit(onnx, [c.Operand(0, c.ResultType)]));
        table.One("relu",
            c => ElementTypes.IsFloat(c.ResultType) ? c.Emit("Relu", [c.Tensor(0)])
                : c.Emit("Max", [c.Tensor(0), c.Scalar(0, c.ResultType)]));
        table.One("silu", c => c.Emit("Mul", [c.Tensor(0), c.Emit("Sigmoid", [c.Tensor(0)])]));
        table.One("log_sigmoid", c => c.Emit("Neg", [c.Emit("Softplus", [c.Emit("Neg", [c.Tensor(0)])])]));
        table.One("gelu", c => c.Emit("Gelu", [c.Tensor(0)], ("approximate", c.Has(1) ? c.Text(1) : "none")));
        table.One("leaky_relu", c => c.Emit("LeakyRelu", [c.Tensor(0)], ("alpha", c.Number(1))));
        // Outside of training the slope is the mean of its bounds.
        table.One("rrelu",
            c => c.Flag(3) ? throw c.Refuse("it draws random slopes")
                : c.Emit("LeakyRelu", [c.Tensor(0)], ("alpha", (c.Number(1) + c.Number(2)) / 2)));
        table.One("elu", Elu);
        table.One("glu", Glu);
        table.One("softshrink", c => c.Emit("Shrink", [c.Tensor(0)], ("lambd", c.Number(1)), ("bias", c.Number(1))));
        table.One("hardshrink", c => c.Emit("Shrink", [c.Tensor(0)], ("lambd", c.Number(1)), ("bias", 0f)));
        table.One("threshold",
            c => c.Emit("Where", [c.Emit("Greater", [c.Tensor(0), c.Operand(1, c.ResultType)]), c.Tensor(0), c.Operand(2, c.ResultType)]));
        table.One("celu", c => c.Emit("Celu", [c.Tensor(0)], ("alpha", c.Number(1))));
        table.One("softplus", Softplus);
        table.One("relu6", c => c.Emit("Clip", [c.Tensor(0), c.Scalar(0, c.ResultType), c.Scalar(6, c.ResultType)]));
        table.One("hardtanh", c => c.Emit("Clip", [c.Tensor(0), c.Operand(1, c.ResultType), c.Operand(2, c.ResultType)]));
        table.One("hardsigmoid", c => c.Emit("HardSigmoid", [c.Tensor(0)], ("alpha", 1f / 6), ("beta", 0.5f)));
        table.One("prelu", Prelu);
        table.One("_prelu_kernel", c => c.Emit("PRelu", [c.Tensor(0), c.Tensor(1)]));
        table.One("softmax", c => c.Emit("Softmax", [c.Operand(0, c.ResultType)], ("axis", c.Int(1))));
        table.One("log_softmax", c => c.Emit("LogSoftmax", [c.Operand(0, c.ResultType)], ("axis", c.Int(1))));
    }

    private static string Glu(OnnxOperation c)
    {
        var axis = OnnxOperation.Axis(c.Int(1), c.Rank(0));
        var half = c.Size(0, axis) / 2;
        var parts = c.Emit("Split", [c.Tensor(0), c.Int64(half, half)], 2, ("axis", axis));
        return c.Emit("Mul", [parts[0], c.Emit("Sigmoid", [parts[1]])]);
    }

    private static string Elu(OnnxOperation c)
    {
        if (c.Number(2) == 1 && c.Number(3) == 1) return c.Emit("Elu", [c.Tensor(0)], ("alpha", c.Number(1)));
        // scale * (x > 0 ? x : alpha * (exp(x * input_scale) - 1))
        var low = c.Emit("Mul",
            [c.Emit("Sub", [c.Emit("Exp", [c.Emit("Mul", [c.Tensor(0), c.Operand(3, c.ResultType)])]), c.Scalar(1, c.ResultType)]),
                c.Operand(1, c.ResultType)]);
        return c.Emit("Mul",
            [c.Emit("Where", [c.Emit("Greater", [c.Tensor(0), c.Scalar(0, c.ResultType)]), c.Tensor(0), low]), c.Operand(2, c.ResultType)]);
    }

    // softplus(beta x) / beta; where beta x is above the threshold libtorch returns x, which differs by less than exp(-threshold) / beta.
    private static string Softplus(OnnxOperation c)
    {
        var beta = c.Number(1);
        var scale = c.Scalar(beta, c.ResultType);
        var scaled = beta == 1 ? c.Tensor(0) : c.Emit("Mul", [c.Tensor(0), scale]);
        var soft = c.ResultType == OnnxType.Double ? Long(c, scaled) : c.Emit("Softplus", [scaled]);
        if (beta != 1) soft = c.Emit("Div", [soft, scale]);
        return c.Number(2) >= 15 ? soft : c.Emit("Where", [c.Emit("Greater", [scaled, c.Operand(2, c.ResultType)]), c.Tensor(0), soft]);
    }

    // Runtimes lack Softplus of float64: max(x, 0) + log(1 + exp(-|x|)).
    private static string Long(OnnxOperation c, string x)
    {
        var tail = c.Emit("Log", [c.Emit("Add", [c.Emit("Exp", [c.Emit("Neg", [c.Emit("Abs", [x])])]), c.Scalar(1, c.ResultType)])]);
        return c.Emit("Add", [c.Emit("Max", [x, c.Scalar(0, c.ResultType)]), tail]);
    }

    // A slope per channel stands at the second dimension.
    private static string Prelu(OnnxOperation c)
    {
        var rank = c.Rank(0);
        if (c.Size(1, 0) == 1 || rank < 2) return c.Emit("PRelu", [c.Tensor(0), c.Tensor(1)]);
        var shape = Enumerable.Repeat(1L, rank - 1).ToArray();
        shape[0] = -1;
        return c.Emit("PRelu", [c.Tensor(0), c.Emit("Reshape", [c.Tensor(1), c.Int64(shape)])]);
    }
}
