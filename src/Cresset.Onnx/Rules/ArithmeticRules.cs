namespace Cresset.Onnx;

/// <summary>Functions of each element, sums, products, quotients.</summary>
internal static class ArithmeticRules
{
    private static readonly (string Aten, string Onnx)[] SameEverywhere =
    [
        ("exp", "Exp"), ("log", "Log"), ("sqrt", "Sqrt"), ("abs", "Abs"), ("neg", "Neg"), ("sin", "Sin"), ("cos", "Cos"), ("tan", "Tan"),
        ("asin", "Asin"), ("acos", "Acos"), ("atan", "Atan"),
        ("sinh", "Sinh"), ("cosh", "Cosh"), ("asinh", "Asinh"), ("acosh", "Acosh"), ("atanh", "Atanh"), ("arcsin", "Asin"),
        ("arccos", "Acos"), ("arctan", "Atan"), ("floor", "Floor"), ("ceil", "Ceil"),
        ("sign", "Sign"), ("sgn", "Sign"), ("erf", "Erf"), ("special_erf", "Erf"), ("reciprocal", "Reciprocal"),
        ("special_expit", "Sigmoid"), ("negative", "Neg"), ("absolute", "Abs"),
    ];

    public static void AddTo(RuleTable table)
    {
        foreach (var (aten, onnx) in SameEverywhere) table.One(aten, c => c.Emit(onnx, [c.Operand(0, c.ResultType)]));
        table.One("positive", c => c.Tensor(0));
        table.One("round", c => c.Count > 1 && c.Int(1) != 0 ? Scaled(c, Math.Pow(10, c.Int(1))) : c.Emit("Round", [c.Tensor(0)]));
        table.One("rsqrt", c => c.Emit("Reciprocal", [c.Emit("Sqrt", [c.Operand(0, c.ResultType)])]));
        table.One("square", c => c.Emit("Mul", [c.Tensor(0), c.Tensor(0)]));
        foreach (var expm1 in new[] { "expm1", "special_expm1" })
            table.One(expm1, c => c.Emit("Sub", [c.Emit("Exp", [c.Operand(0, c.ResultType)]), c.Scalar(1, c.ResultType)]));
        foreach (var log1p in new[] { "log1p", "special_log1p" })
            table.One(log1p, c => c.Emit("Log", [c.Emit("Add", [c.Operand(0, c.ResultType), c.Scalar(1, c.ResultType)])]));
        table.One("exp2", c => c.Emit("Pow", [c.Scalar(2, c.ResultType), c.Operand(0, c.ResultType)]));
        table.One("log2", c => Log(c, 2));
        table.One("log10", c => Log(c, 10));
        foreach (var erfc in new[] { "erfc", "special_erfc" })
            table.One(erfc, c => c.Emit("Sub", [c.Scalar(1, c.ResultType), c.Emit("Erf", [c.Operand(0, c.ResultType)])]));
        foreach (var trunc in new[] { "trunc", "fix" }) table.One(trunc, c => Truncated(c, c.Tensor(0)));
        table.One("frac", c => c.Emit("Sub", [c.Tensor(0), Truncated(c, c.Tensor(0))]));
        table.One("deg2rad", c => c.Emit("Mul", [c.Operand(0, c.ResultType), c.Scalar(Math.PI / 180, c.ResultType)]));
        table.One("rad2deg", c => c.Emit("Mul", [c.Operand(0, c.ResultType), c.Scalar(180 / Math.PI, c.ResultType)]));
        table.One("logit", Logit);
        table.One("special_logit", Logit);
        table.One("sinc", Sinc);
        table.One("special_sinc", Sinc);
        table.One("atan2", Atan2);
        table.One("arctan2", Atan2);
        table.One("hypot",
            c => c.Emit("Sqrt", [c.Emit("Add", [Squared(c, c.Operand(0, c.ResultType)), Squared(c, c.Operand(1, c.ResultType))])]));
        foreach (var xlogy in new[] { "xlogy", "special_xlogy" })
            table.One(xlogy,
                c => c.Emit("Where",
                    [Zero(c, 0), c.Scalar(0, c.ResultType),
                        c.Emit("Mul", [c.Operand(0, c.ResultType), c.Emit("Log", [c.Operand(1, c.ResultType)])])]));
        table.One("logaddexp", LogAddExp);
        table.One("nan_to_num", NanToNum);
        table.One("clamp", Clamp);
        table.One("clip", Clamp);
        table.One("clamp_min", c => c.Emit("Max", [c.Operand(0, c.ResultType), c.Operand(1, c.ResultType)]));
        table.One("clamp_max", c => c.Emit("Min", [c.Operand(0, c.ResultType), c.Operand(1, c.ResultType)]));
        table.One("add", c => Sum(c, "Add", 0, 1));
        table.One("sub", c => Sum(c, "Sub", 0, 1));
        table.One("subtract", c => Sum(c, "Sub", 0, 1));
        table.One("rsub", c => Sum(c, "Sub", 1, 0));
        foreach (var mul in new[] { "mul", "multiply" })
            table.One(mul,
                c => c.ResultType == OnnxType.Bool ? c.Emit("And", [c.Operand(0, OnnxType.Bool), c.Operand(1, OnnxType.Bool)])
                    : Binary(c, "Mul"));
        foreach (var div in new[] { "div", "divide", "true_divide" }) table.One(div, Divide);
        table.One("floor_divide", c => FloorDivide(c));
        table.One("remainder", c => Remainder(c));
        table.One("fmod", c => c.Emit("Mod", [c.Operand(0, c.ResultType), c.Operand(1, c.ResultType)], ("fmod", 1L)));
        table.One("pow", c => Binary(c, "Pow"));
        foreach (var maximum in new[] { "maximum", "fmax" }) table.One(maximum, c => Binary(c, "Max"));
        foreach (var minimum in new[] { "minimum", "fmin" }) table.One(minimum, c => Binary(c, "Min"));
        table.One("addcmul", c => Fused(c, "Mul"));
        table.One("addcdiv", c => Fused(c, "Div"));
        table.One("lerp",
            c => c.Emit("Add", [c.Tensor(0), c.Emit("Mul", [c.Operand(2, c.ResultType), c.Emit("Sub", [c.Tensor(1), c.Tensor(0)])])]));
    }

    /// <summary>Both operands in the result's type.</summary>
    public static string Binary(OnnxOperation c, string type) => c.Emit(type, [c.Operand(0, c.ResultType), c.Operand(1, c.ResultType)]);

    private static string Squared(OnnxOperation c, string x) => c.Emit("Mul", [x, x]);

    private static string Zero(OnnxOperation c, int index) => c.Emit("Equal", [c.Operand(index, c.ResultType), c.Scalar(0, c.ResultType)]);

    private static string Log(OnnxOperation c, double radix) =>
        c.Emit("Mul", [c.Emit("Log", [c.Operand(0, c.ResultType)]), c.Scalar(1 / Math.Log(radix), c.ResultType)]);

    private static string Scaled(OnnxOperation c, double scale)
        => c.Emit("Div", [c.Emit("Round", [c.Emit("Mul", [c.Tensor(0), c.Scalar(scale, c.ResultType)])]), c.Scalar(scale, c.ResultType)]);

    private static string Truncated(OnnxOperation c, string x) =>
        ElementTypes.IsFloat(c.ResultType) ? c.Emit("Mul", [c.Emit("Sign", [x]), c.Emit("Floor", [c.Emit("Abs", [x])])]) : x;

    private static string Logit(OnnxOperation c)
    {
        var x = c.Operand(0, c.ResultType);
        if (c.Has(1)) x = c.Emit("Clip", [x, c.Operand(1, c.ResultType), c.Scalar(1 - c.Number(1), c.ResultType)]);
        return c.Emit("Log", [c.Emit("Div", [x, c.Emit("Sub", [c.Scalar(1, c.ResultType), x])])]);
    }

    private static string Sinc(OnnxOperation c)
    {
        var x = c.Emit("Mul", [c.Operand(0, c.ResultType), c.Scalar(Math.PI, c.ResultType)]);
        return c.Emit("Where", [Zero(c, 0), c.Scalar(1, c.ResultType), c.Emit("Div", [c.Emit("Sin", [x]), x])]);
    }

    // atan(y/x), half a turn further where x is negative, and a quarter where x is zero.
    private static string Atan2(OnnxOperation c)
    {
        var (y, x, type) = (c.Operand(0, c.ResultType), c.Operand(1, c.ResultType), c.ResultType);
        var zero = c.Scalar(0, type);
        var below = c.Emit("Less", [y, zero]);
        var turn = c.Emit("Where", [below, c.Scalar(-Math.PI, type), c.Scalar(Math.PI, type)]);
        var angle = c.Emit("Atan", [c.Emit("Div", [y, x])]);
        var turned = c.Emit("Where", [c.Emit("Less", [x, zero]), c.Emit("Add", [angle, turn]), angle]);
        return c.Emit("Where", [c.Emit("And", [Zero(c, 0), c.Emit("Equal", [x, zero])]), zero, turned]);
    }

    private static string LogAddExp(OnnxOperation c)
    {
        var (a, b) = (c.Operand(0, c.ResultType), c.Operand(1, c.ResultType));
        var gap = c.Emit("Neg", [c.Emit("Abs", [c.Emit("Sub", [a, b])])]);
        return c.Emit("Add", [c.Emit("Max", [a, b]), c.Emit("Log", [c.Emit("Add", [c.Emit("Exp", [gap]), c.Scalar(1, c.ResultType)])])]);
    }

    private static string NanToNum(OnnxOperation c)
    {
        var (low, high) = c.ResultType switch
        {
            OnnxType.Double => (double.MinValue, double.MaxValue),
            OnnxType.Float => (float.MinValue, float.MaxValue),
            OnnxType.Float16 => ((double)Half.MinValue, (double)Half.MaxValue),
            _ => throw c.Refuse("it is given whole numbers or bfloat16"),
        };
        var x = c.Tensor(0);
        var filled = c.Emit("Where", [c.Emit("IsNaN", [x]), c.Scalar(c.Has(1) ? c.Number(1) : 0, c.ResultType), x]);
        var above = c.Emit("Equal", [x, c.Scalar(double.PositiveInfinity, c.ResultType)]);
        var below = c.Emit("Equal", [x, c.Scalar(double.NegativeInfinity, c.ResultType)]);
        var topped = c.Emit("Where", [above, c.Scalar(c.Has(2) ? c.Number(2) : high, c.ResultType), filled]);
        return c.Emit("Where", [below, c.Scalar(c.Has(3) ? c.Number(3) : low, c.ResultType), topped]);
    }

    // Clip takes numbers alone; bounds that are tensors broadcast.
    private static string Clamp(OnnxOperation c)
    {
        var x = c.Operand(0, c.ResultType);
        if (!c.IsTensor(1) && !c.IsTensor(2))
            return c.Emit("Clip", [x, c.Has(1) ? c.Operand(1, c.ResultType) : "", c.Has(2) ? c.Operand(2, c.ResultType) : ""]);
        if (c.Has(1)) x = c.Emit("Max", [x, c.Operand(1, c.ResultType)]);
        return c.Has(2) ? c.Emit("Min", [x, c.Operand(2, c.ResultType)]) : x;
    }

    // The third argument scales what is added or taken away: the second, in rsub the first.
    private static string Sum(OnnxOperation c, string type, int first, int second)
    {
        if (c.ResultType == OnnxType.Bool)
            return type == "Add" ? c.Emit("Or", [c.Operand(0, OnnxType.Bool), c.Operand(1, OnnxType.Bool)])
                : throw c.Refuse("it subtracts truth values");
        var scale = c.Has(2) ? c.Number(2) : 1;
        var scaled = c.Operand(second, c.ResultType);
        if (scale != 1) scaled = c.Emit("Mul", [scaled, c.Scalar(scale, c.ResultType)]);
        return c.Emit(type, [c.Operand(first, c.ResultType), scaled]);
    }

    private static string Divide(OnnxOperation c)
    {
        if (!c.Has(2)) return Binary(c, "Div");
        return c.Text(2) switch
        {
            "floor" => FloorDivide(c),
            // Whole numbers are divided towards zero in ONNX.
            "trunc" => Truncated(c, Binary(c, "Div")),
            var mode => throw c.Refuse($"the rounding mode is {mode}"),
        };
    }

    // Whole numbers are divided towards zero in ONNX: one less where the remainder is not zero and the signs differ.
    private static string FloorDivide(OnnxOperation c)
    {
        if (ElementTypes.IsFloat(c.ResultType)) return c.Emit("Floor", [Binary(c, "Div")]);
        return c.Emit("Div", [c.Emit("Sub", [c.Operand(0, c.ResultType), Remainder(c)]), c.Operand(1, c.ResultType)]);
    }

    // The remainder has the divisor's sign: Mod of whole numbers has that too, that of floating point numbers is built.
    private static string Remainder(OnnxOperation c)
    {
        if (!ElementTypes.IsFloat(c.ResultType)) return Binary(c, "Mod");
        var floor = c.Emit("Floor", [Binary(c, "Div")]);
        return c.Emit("Sub", [c.Operand(0, c.ResultType), c.Emit("Mul", [floor, c.Operand(1, c.ResultType)])]);
    }

    // self + value * a (times or over) b
    private static string Fused(OnnxOperation c, string type)
    {
        var part = c.Emit(type, [c.Tensor(1), c.Tensor(2)]);
        if (c.Number(3) != 1) part = c.Emit("Mul", [part, c.Operand(3, c.ResultType)]);
        return c.Emit("Add", [c.Tensor(0), part]);
    }
}
