using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Reading and writing at places that a tensor names.</summary>
internal static class IndexRules
{
    public static void AddTo(RuleTable table)
    {
        table.One("index_select", c => c.Emit("Gather", [c.Tensor(0), c.Tensor(2)], ("axis", OnnxOperation.Axis(c.Int(1), c.Rank(0)))));
        table.One("gather",
            c => c.Emit("GatherElements", [c.Tensor(0), c.Operand(2, OnnxType.Int64)], ("axis", OnnxOperation.Axis(c.Int(1), c.Rank(0)))));
        table.One("embedding", c => c.Emit("Gather", [c.Tensor(0), c.Tensor(1)], ("axis", 0L)));
        table.One("take", c => c.Emit("Gather", [c.Emit("Reshape", [c.Tensor(0), c.Int64(-1)]), c.Tensor(1)], ("axis", 0L)));
        table.One("take_along_dim", TakeAlong);
        table.One("index", Index);
        table.One("scatter",
            c => Scatter(c,
                c.Count > 4 && c.Has(4)
                    ? c.Text(4) switch { "add" => "add", "multiply" => "mul", var r => throw c.Refuse($"the reduction is {r}") } : "none"));
        table.One("scatter_add", c => Scatter(c, "add"));
        table.One("scatter_reduce", c => c.Flag(5)
            ? Scatter(c,
                c.Text(4) switch
                {
                    "sum" => "add",
                    "prod" => "mul",
                    "amax" => "max",
                    "amin" => "min",
                    var r => throw c.Refuse($"the reduction is {r}"),
                })
            : throw c.Refuse("it leaves the tensor's own values out (include_self false)"));
        table.One("index_add", c => AlongRows(c, "add"));
        table.One("index_copy", c => AlongRows(c, "none"));
        table.One("index_fill", c => AlongRows(c, "fill"));
        table.One("index_put", IndexPut);
        table.One("repeat_interleave", RepeatInterleave);
        table.One("tril", c => Triangle(c, upper: false));
        table.One("triu", c => Triangle(c, upper: true));
        table.One("diagonal", c => Diagonal(c, c.Int(1), c.Int(2), c.Int(3)));
        table.One("diag",
            c => c.Rank(0) == 2 ? Diagonal(c, c.Int(1), 0, 1) : c.Int(1) == 0 ? OnDiagonal(c)
                : throw c.Refuse("it writes another diagonal than the main one"));
        table.One("diag_embed", DiagonalEmbed);
        table.One("one_hot", OneHot);
        table.One("unfold", Windows);
    }

    private static string TakeAlong(OnnxOperation c)
        => c.Has(2)
            ? c.Emit("GatherElements", [c.Tensor(0), c.Operand(1, OnnxType.Int64)], ("axis", OnnxOperation.Axis(c.Int(2), c.Rank(0))))
            : c.Emit("Gather", [c.Emit("Reshape", [c.Tensor(0), c.Int64(-1)]), c.Emit("Reshape", [c.Tensor(1), c.Int64(-1)])],
                ("axis", 0L));

    // One tensor of places along one dimension is a Gather; several along neighbouring dimensions are counted as one.
    private static string Index(OnnxOperation c)
    {
        var indices = c.TensorsOrNone(1);
        var (types, shapes) = (c.ListTypes(1), c.ListShapesOrNone(1));
        var named = Enumerable.Range(0, indices.Count).Where(i => indices[i] is not null).ToList();
        if (named.Any(i => types[i] is OnnxType.Bool or OnnxType.UInt8))
            throw c.Refuse("it picks by truth values: the size of its result depends on the values; use where() or masked_fill");
        if (named.Count == 1) return c.Emit("Gather", [c.Tensor(0), indices[named[0]]!], ("axis", named[0]));
        if (named[^1] - named[0] + 1 != named.Count)
            throw c.Refuse("it names dimensions that do not stand side by side; index one after the other");
        // [.., a, b, ..] at (i, j) is [.., a*b, ..] at i*b + j.
        var (first, rank) = (named[0], c.Rank(0));
        string? place = null;
        foreach (var d in named)
        {
            var size = c.Size(0, d);
            var whole = types[d] == OnnxType.Int64 ? indices[d]! : c.Cast(indices[d]!, OnnxType.Int64);
            var wrapped = c.Emit("Where", [c.Emit("Less", [whole, c.Int64Scalar(0)]), c.Emit("Add", [whole, c.Int64Scalar(size)]), whole]);
            place = place is null ? wrapped : c.Emit("Add", [c.Emit("Mul", [place, c.Int64Scalar(size)]), wrapped]);
        }
        List<OnnxSize> merged = [.. Enumerable.Repeat(OnnxSize.Fixed(0), first),
            OnnxSize.Fixed(named.Aggregate(1L, (p, d) => p * c.Size(0, d))), .. c.Shape(0).Skip(first + named.Count)];
        return c.Emit("Gather", [c.Emit("Reshape", [c.Tensor(0), c.SizeList(merged)]), place!], ("axis", first));
    }

    // The source may be longer than the places; ScatterElements wants them alike. A number is spread over the places.
    private static string Scatter(OnnxOperation c, string reduction)
    {
        var axis = OnnxOperation.Axis(c.Int(1), c.Rank(0));
        var index = c.Operand(2, OnnxType.Int64);
        string source;
        if (!c.IsTensor(3)) source = c.Emit("Expand", [c.Operand(3, c.ResultType), c.Emit("Shape", [index])]);
        else
        {
            source = c.Operand(3, c.ResultType);
            var (from, to) = (c.Shape(3), c.Shape(2));
            var cut = Enumerable.Range(0, to.Count).Where(d => !from[d].IsSameAs(to[d])).ToList();
            if (cut.Count > 0)
                source = c.Emit("Slice",
                    [source, c.Int64([.. cut.Select(_ => 0L)]), c.SizeList([.. cut.Select(d => to[d])]),
                        c.Int64([.. cut.Select(d => (long)d)])]);
        }
        return c.Emit("ScatterElements", [c.Operand(0, c.ResultType), index, source], ("axis", axis), ("reduction", reduction));
    }

    // Whole rows: the places are spread over the other dimensions.
    private static string AlongRows(OnnxOperation c, string how)
    {
        var (rank, axis) = (c.Rank(0), OnnxOperation.Axis(c.Int(1), c.Rank(0)));
        var length = c.Shape(2) is [var n] ? n : OnnxSize.Fixed(1);
        OnnxSize[] sizes = [.. c.Shape(0)];
        sizes[axis] = length;
        var column = c.Emit("Reshape",
            [c.Operand(2, OnnxType.Int64), c.Int64([.. Enumerable.Range(0, rank).Select(d => d == axis ? -1L : 1)])]);
        var index = c.Emit("Expand", [column, c.SizeList(sizes)]);
        var source = how == "fill" ? c.Emit("Expand", [c.Operand(3, c.ResultType), c.SizeList(sizes)]) : c.Operand(3, c.ResultType);
        if (how == "add" && c.Has(4) && c.Number(4) != 1) source = c.Emit("Mul", [source, c.Operand(4, c.ResultType)]);
        return c.Emit("ScatterElements", [c.Tensor(0), index, source], ("axis", axis), ("reduction", how == "add" ? "add" : "none"));
    }

    private static string IndexPut(OnnxOperation c)
    {
        var indices = c.TensorsOrNone(1);
        var types = c.ListTypes(1);
        if (indices is [{ } mask] && types[0] == OnnxType.Bool)
        {
            if (c.Shape(2).Any(s => s is not { IsFixed: true, Value: 1 }))
                throw c.Refuse("it writes other values at each place that a truth value picks");
            var condition = mask;
            for (var i = c.ListShapesOrNone(1)[0]!.Count; i < c.Rank(0); i++) condition = c.Emit("Unsqueeze", [condition, c.Int64(-1)]);
            return ComparisonRules.Choose(c, condition, c.Emit("Reshape", [c.Operand(2, c.ResultType), c.Int64()]), c.Tensor(0));
        }
        if (indices.Any(i => i is null) || types.Any(t => t == OnnxType.Bool))
            throw c.Refuse("it leaves dimensions out between those it names");
        var shapes = c.ListShapesOrNone(1);
        var longest = shapes.MaxBy(s => s!.Count)!;
        if (shapes.Any(s => s!.Count != longest.Count || !s.Zip(longest).All(p => p.First.IsSameAs(p.Second))))
            throw c.Refuse("its places broadcast");
        var places = c.Emit("Concat", [.. indices.Select(i => c.Emit("Unsqueeze", [i!, c.Int64(-1)]))], ("axis", -1L));
        var values = c.Emit("Expand", [c.Operand(2, c.ResultType), c.SizeList([.. longest, .. c.Shape(0).Skip(indices.Count)])]);
        return c.Emit("ScatterND", [c.Tensor(0), places, values], ("reduction", c.Has(3) && c.Flag(3) ? "add" : "none"));
    }

    // Each row several times: [a, b] to [a, a, b, b].
    private static string RepeatInterleave(OnnxOperation c)
    {
        if (c.IsTensor(1)) throw c.Refuse("its counts are a tensor: the size of its result depends on the values");
        var count = c.Whole(1);
        var x = c.Tensor(0);
        IReadOnlyList<OnnxSize> shape = c.Shape(0);
        if (!c.Has(2)) (x, shape) = (c.Emit("Reshape", [x, c.Int64(-1)]), []);
        var axis = c.Has(2) ? OnnxOperation.Axis(c.Int(2), c.Rank(0)) : 0;
        var rank = Math.Max(shape.Count, 1);
        var spread = c.Emit("Unsqueeze", [x, c.Int64(axis + 1)]);
        List<OnnxSize> ones = [.. Enumerable.Repeat(OnnxSize.Fixed(1), rank + 1)];
        ones[axis + 1] = count;
        return c.Emit("Reshape", [c.Emit("Expand", [spread, c.SizeList(ones)]), c.SizeList(c.ResultShape)]);
    }

    private static string Triangle(OnnxOperation c, bool upper)
    {
        var x = c.ResultType is OnnxType.Float or OnnxType.Double or OnnxType.Int64 or OnnxType.Bool ? c.Tensor(0)
            : c.Cast(c.Tensor(0), OnnxType.Float);
        var cut = c.Emit("Trilu", [x, c.Int64Scalar(c.Has(1) ? c.Int(1) : 0)], ("upper", upper));
        return c.ResultType is OnnxType.Float or OnnxType.Double or OnnxType.Int64 or OnnxType.Bool ? cut : c.Cast(cut, c.ResultType);
    }

    private static string Diagonal(OnnxOperation c, long offset, long first, long second)
    {
        var rank = c.Rank(0);
        var (a, b) = (OnnxOperation.Axis(first, rank), OnnxOperation.Axis(second, rank));
        var (rows, columns) = (c.Size(0, a), c.Size(0, b));
        var moved = c.Emit("Transpose", [c.Tensor(0)],
            ("perm", (long[])[.. Enumerable.Range(0, rank).Where(d => d != a && d != b).Select(d => (long)d), a, b]));
        var flat = c.Emit("Reshape", [moved, c.Int64([.. Enumerable.Repeat(0L, rank - 2), rows * columns])]);
        var places = Enumerable.Range(0, (int)rows).Select(i => (Row: i, Column: i + offset))
            .Where(p => p.Column >= 0 && p.Column < columns).Select(p => (p.Row * columns) + p.Column);
        return c.Emit("Gather", [flat, c.Int64([.. places])], ("axis", rank - 2));
    }

    private static string DiagonalEmbed(OnnxOperation c)
    {
        var rank = c.Rank(0) + 1;
        if (c.Int(1) != 0 || OnnxOperation.Axis(c.Int(2), rank) != rank - 2 || OnnxOperation.Axis(c.Int(3), rank) != rank - 1)
            throw c.Refuse("it writes another diagonal than the main one of the last two dimensions");
        return OnDiagonal(c);
    }

    private static string OnDiagonal(OnnxOperation c)
    {
        var size = c.Size(0, -1);
        // A choice, since infinity times 0 is not a number.
        var mask = c.Constant(eye(size, dtype: ScalarType.Bool));
        return c.Emit("Where", [mask, c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(-1)]), c.Scalar(0, c.ResultType)]);
    }

    private static string OneHot(OnnxOperation c)
    {
        var classes = c.Int(1) >= 0 ? c.Int(1) : throw c.Refuse("the number of classes is left to the values");
        var numbers = c.Constant(arange(classes, dtype: ScalarType.Int64));
        return c.Cast(c.Emit("Equal", [c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(-1)]), numbers]), OnnxType.Int64);
    }

    // Windows along one dimension become a new last one.
    private static string Windows(OnnxOperation c)
    {
        var (rank, axis, size, step) = (c.Rank(0), OnnxOperation.Axis(c.Int(1), c.Rank(0)), c.Int(2), c.Int(3));
        var count = ((c.Size(0, axis) - size) / step) + 1;
        var places = from w in Enumerable.Range(0, (int)count) from i in Enumerable.Range(0, (int)size) select (w * step) + i;
        var index = c.Constant(tensor(places.ToArray(), dtype: ScalarType.Int64).reshape(count, size));
        // [.., windows, size, ..] with the size last.
        var cut = c.Emit("Gather", [c.Tensor(0), index], ("axis", axis));
        return c.Emit("Transpose", [cut],
            ("perm", (long[])[.. Enumerable.Range(0, rank + 1).Where(d => d != axis + 1).Select(d => (long)d), axis + 1]));
    }
}
