namespace Cresset.Onnx;

/// <summary>Sorting and choosing by rank, all by TopK. Among equal values ONNX takes the first; libtorch leaves that open.</summary>
internal static class SortRules
{
    public static void AddTo(RuleTable table)
    {
        table.Many("sort", c => c.Count == 4 ? Sort(c, c.Int(2), c.Flag(3)) : Sort(c, c.Int(1), c.Flag(2)));
        table.One("argsort", c => c.Count == 4 ? Sort(c, c.Int(2), c.Flag(3))[1] : Sort(c, c.Int(1), c.Flag(2))[1]);
        table.One("msort", c => Sort(c, 0, descending: false)[0]);
        table.Many("topk",
            c => c.Emit("TopK", [c.Tensor(0), c.SizeList([c.Whole(1)])], 2, ("axis", OnnxOperation.Axis(c.Int(2), c.Rank(0))),
                ("largest", c.Flag(3)), ("sorted", c.Flag(4))));
        table.Many("kthvalue", c => Ranked(c, c.Int(1), c.Int(2), c.Flag(3)));
        // The lower of the two in the middle.
        table.Many("median", c => c.Count == 1
            ? [Whole(c)]
            : Ranked(c, (c.Size(0, OnnxOperation.Axis(c.Int(1), c.Rank(0))) + 1) / 2, c.Int(1), c.Flag(2)));
    }

    private static string[] Sort(OnnxOperation c, long dimension, bool descending)
    {
        var axis = OnnxOperation.Axis(dimension, c.Rank(0));
        return c.Emit("TopK", [c.Tensor(0), c.SizeList([c.Shape(0)[axis]])], 2, ("axis", axis), ("largest", descending), ("sorted", 1L));
    }

    private static string[] Ranked(OnnxOperation c, long rank, long dimension, bool keep)
    {
        var axis = OnnxOperation.Axis(dimension, c.Rank(0));
        var lowest = c.Emit("TopK", [c.Tensor(0), c.Int64(rank)], 2, ("axis", axis), ("largest", 0L), ("sorted", 1L));
        return [.. lowest.Select(x => c.Emit("Slice", [x, c.Int64(-1), c.Int64(long.MaxValue), c.Int64(axis)]))
            .Select(x => keep ? x : c.Emit("Squeeze", [x, c.Int64(axis)]))];
    }

    private static string Whole(OnnxOperation c)
    {
        var count = Enumerable.Range(0, c.Rank(0)).Aggregate(1L, (p, d) => p * c.Size(0, d));
        var lowest = c.Emit("TopK", [c.Emit("Reshape", [c.Tensor(0), c.Int64(-1)]), c.Int64((count + 1) / 2)], 2, ("axis", 0L),
            ("largest", 0L), ("sorted", 1L))[0];
        return c.Emit("Gather", [lowest, c.Int64Scalar(-1)], ("axis", 0L));
    }
}
