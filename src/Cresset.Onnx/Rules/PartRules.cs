namespace Cresset.Onnx;

/// <summary>Parts of tensors and tensors put together: slices, chunks, concatenation, padding, turns.</summary>
internal static class PartRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var cat in new[] { "cat", "concat", "concatenate" })
            table.One(cat, c => c.Emit("Concat", Same(c), ("axis", OnnxOperation.Axis(c.Int(1), c.ResultShape.Count))));
        table.One("stack", c => Stack(c, OnnxOperation.Axis(c.Int(1), c.ResultShape.Count)));
        foreach (var (name, axis) in new[] { ("hstack", 1), ("vstack", 0), ("dstack", 2) })
            table.One(name,
                c => c.ListShapes(0).All(s => s.Count == c.ResultShape.Count)
                    ? c.Emit("Concat", Same(c), ("axis", Math.Min(axis, c.ResultShape.Count - 1)))
                    : throw c.Refuse("its tensors have other numbers of dimensions than its result; use cat"));
        table.One("slice", Slice);
        table.One("narrow", c => Between(c, c.Int(1), c.Whole(2), c.Whole(3)));
        table.One("select",
            c => c.Emit("Gather", [c.Tensor(0), c.Int64Scalar(c.Int(2))], ("axis", OnnxOperation.Axis(c.Int(1), c.Rank(0)))));
        foreach (var split in new[] { "chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk", "unsafe_split" })
            table.Many(split, Parts);
        table.Many("unbind", c =>
        {
            var axis = OnnxOperation.Axis(c.Int(1), c.Rank(0));
            return [.. Enumerable.Range(0, (int)c.Size(0, axis))
                .Select(i => c.Emit("Gather", [c.Tensor(0), c.Int64Scalar(i)], ("axis", axis)))];
        });
        table.One("flip", c => Flip(c, c.Ints(1)));
        table.One("fliplr", c => Flip(c, [1]));
        table.One("flipud", c => Flip(c, [0]));
        table.One("roll", Roll);
        table.One("rot90", Quarter);
        table.One("pad", c => c.Text(2) switch
        {
            "constant" => Pad(c, "constant", c.Has(3) ? c.Number(3) : 0),
            "reflect" => Pad(c, "reflect", 0),
            "replicate" => Pad(c, "edge", 0),
            _ => Circular(c),
        });
        // 0 reflect, 1 replicate, 2 circular, 3 constant.
        table.One("_pad_enum", c => c.Int(2) switch
        {
            0 => Pad(c, "reflect", 0),
            1 => Pad(c, "edge", 0),
            2 => Circular(c),
            _ => Pad(c, "constant", c.Has(3) ? c.Number(3) : 0),
        });
        table.One("constant_pad_nd", c => Pad(c, "constant", c.Has(2) ? c.Number(2) : 0));
        table.One("_pad_circular", Circular);
        foreach (var n in new[] { "1d", "2d", "3d" })
        {
            table.One("reflection_pad" + n, c => Pad(c, "reflect", 0));
            table.One("replication_pad" + n, c => Pad(c, "edge", 0));
        }
    }

    // Concat takes one type; libtorch promotes.
    private static List<string> Same(OnnxOperation c)
    {
        var (tensors, types) = (c.Tensors(0), c.ListTypes(0));
        return [.. tensors.Select((t, i) => types[i] == c.ResultType ? t : c.Cast(t, c.ResultType))];
    }

    private static string Stack(OnnxOperation c, int axis) =>
        c.Emit("Concat", [.. Same(c).Select(t => c.Emit("Unsqueeze", [t, c.Int64(axis)]))], ("axis", axis));

    private static string Slice(OnnxOperation c)
    {
        var axis = OnnxOperation.Axis(c.Int(1), c.Rank(0));
        var start = c.Has(2) ? c.Whole(2) : OnnxSize.Fixed(0);
        var end = c.Has(3) ? c.Whole(3) : OnnxSize.Fixed(long.MaxValue);
        var step = c.Has(4) ? c.Int(4) : 1;
        if (start is { IsFixed: true, Value: 0 } && end is { IsFixed: true, Value: long.MaxValue } && step == 1) return c.Tensor(0);
        return c.Emit("Slice", [c.Tensor(0), c.SizeList([start]), c.SizeList([end]), c.Int64(axis), c.Int64(step)]);
    }

    private static string Between(OnnxOperation c, long dimension, OnnxSize start, OnnxSize length)
    {
        var axis = OnnxOperation.Axis(dimension, c.Rank(0));
        if (start.IsFixed && length.IsFixed)
            return c.Emit("Slice", [c.Tensor(0), c.Int64(start.Value), c.Int64(start.Value + length.Value), c.Int64(axis)]);
        return c.Emit("Slice",
            [c.Tensor(0), c.SizeList([start]), c.Emit("Add", [c.SizeList([start]), c.SizeList([length])]), c.Int64(axis)]);
    }

    // How many parts there are, and their sizes, shows in what the list is taken apart into.
    private static string[] Parts(OnnxOperation c)
    {
        var axis = OnnxOperation.Axis(c.Int(2), c.Rank(0));
        var shapes = c.PartShapes ?? throw c.Refuse("its list is not taken apart at once");
        if (shapes.Count == 1) return [c.Tensor(0)];
        return c.Emit("Split", [c.Tensor(0), c.SizeList([.. shapes.Select(s => s[axis])])], shapes.Count, ("axis", axis));
    }

    private static string Flip(OnnxOperation c, long[] dimensions)
    {
        var axes = dimensions.Select(a => (long)OnnxOperation.Axis(a, c.Rank(0))).ToArray();
        if (axes.Length == 0) return c.Tensor(0);
        long[] All(long value) => [.. axes.Select(_ => value)];
        return c.Emit("Slice", [c.Tensor(0), c.Int64(All(-1)), c.Int64(All(long.MinValue + 1)), c.Int64(axes), c.Int64(All(-1))]);
    }

    private static string Roll(OnnxOperation c)
    {
        var (shifts, dimensions) = (c.Ints(1), c.Has(2) ? c.Ints(2) : []);
        var x = c.Tensor(0);
        if (dimensions.Length == 0) x = c.Emit("Reshape", [x, c.Int64(-1)]);
        for (var i = 0; i < shifts.Length; i++)
        {
            var axis = dimensions.Length == 0 ? 0 : OnnxOperation.Axis(dimensions[i], c.Rank(0));
            var shift = shifts[i];
            if (dimensions.Length > 0 && c.Shape(0)[axis].IsFixed) shift %= c.Size(0, axis);
            else if (Math.Abs(shift) > 1) throw c.Refuse("it rolls by more than one along a size that varies or over all dimensions");
            if (shift == 0) continue;
            // The last ones first.
            var tail = c.Emit("Slice", [x, c.Int64(-shift), c.Int64(long.MaxValue), c.Int64(axis)]);
            var head = c.Emit("Slice", [x, c.Int64(0), c.Int64(-shift), c.Int64(axis)]);
            x = c.Emit("Concat", [tail, head], ("axis", axis));
        }
        return dimensions.Length == 0 ? c.Emit("Reshape", [x, c.Emit("Shape", [c.Tensor(0)])]) : x;
    }

    private static string Quarter(OnnxOperation c)
    {
        var turns = ((c.Int(1) % 4) + 4) % 4;
        var axes = c.Ints(2).Select(a => (long)OnnxOperation.Axis(a, c.Rank(0))).ToArray();
        if (turns == 0) return c.Tensor(0);
        if (turns == 2) return Flip(c, axes);
        var order = Enumerable.Range(0, c.Rank(0)).Select(i => (long)i).ToArray();
        (order[axes[0]], order[axes[1]]) = (order[axes[1]], order[axes[0]]);
        string Turned(string x) => c.Emit("Transpose", [x], ("perm", order));
        return turns == 1 ? Turned(Flip(c, [axes[1]])) : Turned(Flip(c, [axes[0]]));
    }

    // libtorch counts pairs from the last dimension; ONNX lists all beginnings, then all ends.
    private static long[] Pairs(OnnxOperation c)
    {
        var pads = c.Ints(1);
        var rank = c.Rank(0);
        var all = new long[2 * rank];
        for (var i = 0; i < pads.Length / 2; i++) (all[rank - 1 - i], all[(2 * rank) - 1 - i]) = (pads[2 * i], pads[(2 * i) + 1]);
        return all;
    }

    private static string Pad(OnnxOperation c, string mode, double value)
    {
        var all = Pairs(c);
        if (mode != "constant" && all.Any(p => p < 0)) throw c.Refuse("it cuts and mirrors at once");
        return c.Emit("Pad", mode == "constant" ? [c.Tensor(0), c.Int64(all), c.Scalar(value, c.ResultType)] : [c.Tensor(0), c.Int64(all)],
            ("mode", mode));
    }

    // Runtimes lack the mode 'wrap': the ends are cut out and put on the other side, dimension by dimension.
    private static string Circular(OnnxOperation c)
    {
        var (all, rank, x) = (Pairs(c), c.Rank(0), c.Tensor(0));
        for (var axis = 0; axis < rank; axis++)
        {
            var (before, after) = (all[axis], all[rank + axis]);
            if (before < 0 || after < 0) throw c.Refuse("it cuts and wraps at once");
            if (before == 0 && after == 0) continue;
            var parts = new List<string>();
            if (before > 0) parts.Add(c.Emit("Slice", [x, c.Int64(-before), c.Int64(long.MaxValue), c.Int64(axis)]));
            parts.Add(x);
            if (after > 0) parts.Add(c.Emit("Slice", [x, c.Int64(0), c.Int64(after), c.Int64(axis)]));
            x = c.Emit("Concat", parts, ("axis", axis));
        }
        return x;
    }
}
