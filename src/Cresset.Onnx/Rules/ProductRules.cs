namespace Cresset.Onnx;

/// <summary>Matrix products and what is made of them.</summary>
internal static class ProductRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var product in new[] { "matmul", "mm", "bmm", "mv", "dot", "linalg_matmul", "inner" })
        {
            table.One(product,
                c => product == "inner" && c.Rank(0) > 1
                    ? throw c.Refuse("its tensors have more than one dimension; use matmul with a transpose")
                    : c.Emit("MatMul", [c.Tensor(0), c.Tensor(1)]));
        }
        table.One("linear", Linear);
        table.One("addmm", c => c.Emit("Gemm", [c.Tensor(1), c.Tensor(2), c.Tensor(0)], ("beta", c.Number(3)), ("alpha", c.Number(4))));
        foreach (var added in new[] { "baddbmm", "addmv" })
            table.One(added, c => Weighted(c, c.Emit("MatMul", [c.Tensor(1), c.Tensor(2)])));
        table.One("addbmm",
            c => Weighted(c, c.Emit("ReduceSum", [c.Emit("MatMul", [c.Tensor(1), c.Tensor(2)]), c.Int64(0)], ("keepdims", 0L))));
        table.One("addr", c => Weighted(c, Outer(c, 1, 2)));
        foreach (var outer in new[] { "outer", "ger" }) table.One(outer, c => Outer(c, 0, 1));
        table.One("einsum", c => c.Emit("Einsum", c.Tensors(1), ("equation", c.Text(0).Replace(" ", "", StringComparison.Ordinal))));
        table.One("bilinear", Bilinear);
        table.One("cosine_similarity", CosineSimilarity);
        table.One("pairwise_distance", PairwiseDistance);
        foreach (var cdist in new[] { "cdist", "_cdist_forward" }) table.One(cdist, Distances);
        foreach (var det in new[] { "det", "linalg_det" }) table.One(det, c => c.Emit("Det", [c.Tensor(0)]));
        foreach (var cross in new[] { "cross", "linalg_cross" }) table.One(cross, Cross);
        table.One("vdot", c => c.Emit("MatMul", [c.Tensor(0), c.Tensor(1)]));
    }

    // A bias in two dimensions is one operation with the product.
    private static string Linear(OnnxOperation c)
    {
        if (c.Rank(0) == 2 && c.Rank(1) == 2)
            return c.Emit("Gemm", c.Has(2) ? [c.Tensor(0), c.Tensor(1), c.Tensor(2)] : [c.Tensor(0), c.Tensor(1)], ("transB", 1L));
        var weight = c.Rank(1) == 2 ? c.Emit("Transpose", [c.Tensor(1)], ("perm", new[] { 1L, 0L })) : c.Tensor(1);
        var product = c.Emit("MatMul", [c.Tensor(0), weight]);
        return c.Has(2) ? c.Emit("Add", [product, c.Tensor(2)]) : product;
    }

    // beta * self + alpha * product
    private static string Weighted(OnnxOperation c, string product)
    {
        if (c.Number(4) != 1) product = c.Emit("Mul", [product, c.Operand(4, c.ResultType)]);
        if (c.Number(3) == 0) return product;
        var own = c.Number(3) == 1 ? c.Tensor(0) : c.Emit("Mul", [c.Tensor(0), c.Operand(3, c.ResultType)]);
        return c.Emit("Add", [own, product]);
    }

    private static string Outer(OnnxOperation c, int a, int b)
        => c.Emit("Mul",
            [c.Emit("Unsqueeze", [c.Operand(a, c.ResultType), c.Int64(1)]), c.Emit("Unsqueeze", [c.Operand(b, c.ResultType), c.Int64(0)])]);

    // sum over i, j of a[.., i] weight[o, i, j] b[.., j]
    private static string Bilinear(OnnxOperation c)
    {
        var sum = c.Emit("Einsum", [c.Tensor(0), c.Tensor(2), c.Tensor(1)], ("equation", "...i,oij,...j->...o"));
        return c.Has(3) ? c.Emit("Add", [sum, c.Tensor(3)]) : sum;
    }

    private static string CosineSimilarity(OnnxOperation c)
    {
        var (a, b, type) = (c.Operand(0, c.ResultType), c.Operand(1, c.ResultType), c.ResultType);
        var axis = c.Int64(OnnxOperation.Axis(c.Int(2), Math.Max(c.Rank(0), c.Rank(1))) - Math.Max(c.Rank(0), c.Rank(1)));
        string Total(string x, string y) => c.Emit("ReduceSum", [c.Emit("Mul", [x, y]), axis], ("keepdims", 0L));
        string Length(string x) => c.Emit("Max", [c.Emit("Sqrt", [Total(x, x)]), c.Scalar(c.Number(3), type)]);
        return c.Emit("Div", [Total(a, b), c.Emit("Mul", [Length(a), Length(b)])]);
    }

    // The norm of x - y + eps along the last dimension.
    private static string PairwiseDistance(OnnxOperation c)
    {
        var gap = c.Emit("Add", [c.Emit("Sub", [c.Tensor(0), c.Tensor(1)]), c.Operand(3, c.ResultType)]);
        return ReductionRules.Norm(c, gap, c.Number(2), [-1], c.Flag(4));
    }

    private static string Distances(OnnxOperation c)
        => ReductionRules.Norm(c,
            c.Emit("Sub", [c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(-2)]), c.Emit("Unsqueeze", [c.Tensor(1), c.Int64(-3)])]), c.Number(2),
            [-1], keep: false);

    private static string Cross(OnnxOperation c)
    {
        var axis = c.Has(2) ? OnnxOperation.Axis(c.Int(2), c.Rank(0)) : throw c.Refuse("its dimension is left to the sizes; name it");
        string Turned(string x, long first, long second, long third) =>
            c.Emit("Gather", [x, c.Int64(first, second, third)], ("axis", axis));
        var (a, b) = (c.Tensor(0), c.Tensor(1));
        return c.Emit("Sub",
            [c.Emit("Mul", [Turned(a, 1, 2, 0), Turned(b, 2, 0, 1)]), c.Emit("Mul", [Turned(a, 2, 0, 1), Turned(b, 1, 2, 0)])]);
    }
}
