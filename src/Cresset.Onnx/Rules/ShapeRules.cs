namespace Cresset.Onnx;

/// <summary>Changes of shape and of element type, and what changes nothing.</summary>
internal static class ShapeRules
{
    public static void AddTo(RuleTable table)
    {
        foreach (var same in new[] { "contiguous", "clone", "alias", "detach", "lift_fresh", "view_as_real_copy", "resolve_conj",
            "resolve_neg", "requires_grad" }) table.One(same, c => c.Tensor(0));
        foreach (var dropout in new[] { "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout" })
            table.One(dropout, Dropout);
        foreach (var cast in new[] { "to", "type_as", "_to_copy" }) table.One(cast, c => c.Operand(0, c.ResultType));
        foreach (var reshape in new[] { "view", "reshape", "_unsafe_view", "_reshape_alias" })
            table.One(reshape, c => Reshape(c, c.Wholes(1)));
        foreach (var reshape in new[] { "flatten", "unflatten", "ravel", "view_as", "reshape_as", "atleast_1d", "atleast_2d",
            "atleast_3d" }) table.One(reshape, c => Reshape(c, c.ResultShape));
        foreach (var transpose in new[] { "transpose", "swapaxes", "swapdims" })
            table.One(transpose, c => Transpose(c, c.Int(1), c.Int(2)));
        foreach (var last in new[] { "mT", "adjoint" }) table.One(last, c => Transpose(c, -1, -2));
        foreach (var t in new[] { "t", "numpy_T" })
            table.One(t,
                c => c.Rank(0) < 2 ? c.Tensor(0)
                    : c.Emit("Transpose", [c.Tensor(0)],
                        ("perm", (long[])[.. Enumerable.Range(0, c.Rank(0)).Reverse().Select(i => (long)i)])));
        table.One("permute",
            c => c.Emit("Transpose", [c.Tensor(0)], ("perm", (long[])[.. c.Ints(1).Select(a => (long)OnnxOperation.Axis(a, c.Rank(0)))])));
        foreach (var move in new[] { "movedim", "moveaxis" }) table.One(move, MoveDimensions);
        table.One("unsqueeze", c => c.Emit("Unsqueeze", [c.Tensor(0), c.Int64(OnnxOperation.Axis(c.Int(1), c.Rank(0) + 1))]));
        table.One("squeeze", Squeeze);
        foreach (var expand in new[] { "expand", "broadcast_to" })
            table.One(expand,
                c => c.Emit("Expand",
                    [c.Tensor(0), c.SizeList([.. c.Wholes(1).Select(s => s is { IsFixed: true, Value: -1 } ? OnnxSize.Fixed(1) : s)])]));
        table.Many("broadcast_tensors",
            c => c.PartShapes is { } shapes ? [.. c.Tensors(0).Select((t, i) => c.Emit("Expand", [t, c.SizeList(shapes[i])]))]
                : throw c.Refuse("its list is not taken apart at once"));
        table.One("expand_as", c => c.Emit("Expand", [c.Tensor(0), c.Emit("Shape", [c.Tensor(1)])]));
        foreach (var repeat in new[] { "repeat", "tile" }) table.One(repeat, Repeat);
        table.One("pixel_shuffle",
            c => c.Rank(0) == 4 ? c.Emit("DepthToSpace", [c.Tensor(0)], ("blocksize", c.Int(1)), ("mode", "CRD"))
                : throw c.Refuse("its input has not four dimensions"));
        table.One("pixel_unshuffle", PixelUnshuffle);
        foreach (var shuffle in new[] { "channel_shuffle", "native_channel_shuffle" }) table.One(shuffle, ChannelShuffle);
    }

    /// <summary>
    /// The tensor in other sizes. Sizes that vary are best left to the runtime: a leading one that the input has too is copied, one more is
    /// worked out.
    /// </summary>
    public static string Reshape(OnnxOperation c, IReadOnlyList<OnnxSize> sizes)
    {
        if (sizes.Any(s => s.Value == 0)) throw c.Refuse("a size is 0");
        var input = c.Shape(0);
        if (input.Count == sizes.Count && input.Zip(sizes).All(p => p.First.IsSameAs(p.Second))) return c.Tensor(0);
        var result = new OnnxSize[sizes.Count];
        var open = sizes.Any(s => s is { IsFixed: true, Value: -1 });
        for (var i = 0; i < sizes.Count; i++)
        {
            // In ONNX a size of 0 copies the input's, and one of -1 is what is left.
            if (sizes[i].IsFixed) result[i] = sizes[i];
            else if (i < input.Count
                && (sizes[i].IsSameAs(input[i])
                    || (!sizes[i].IsKnown && !input[i].IsKnown && sizes[i].Value == input[i].Value && LeadingSame(input, sizes, i))))
                result[i] = OnnxSize.Fixed(0);
            else if (!open) (result[i], open) = (OnnxSize.Fixed(-1), true);
            else result[i] = sizes[i];
        }
        return c.Emit("Reshape", [c.Tensor(0), c.SizeList(result)]);
    }

    private static bool LeadingSame(IReadOnlyList<OnnxSize> input, IReadOnlyList<OnnxSize> sizes, int axis)
        => Enumerable.Range(0, axis).All(i => input[i].Value == sizes[i].Value);

    private static string Dropout(OnnxOperation c)
        => c.Flag(2) && c.Number(1) > 0
            ? throw c.Refuse("it drops at random although the module was put in evaluation mode; ONNX files hold inference") : c.Tensor(0);

    private static string Transpose(OnnxOperation c, long first, long second)
    {
        if (c.Rank(0) < 2) return c.Tensor(0);
        var order = Enumerable.Range(0, c.Rank(0)).Select(i => (long)i).ToArray();
        var (a, b) = (OnnxOperation.Axis(first, order.Length), OnnxOperation.Axis(second, order.Length));
        (order[a], order[b]) = (order[b], order[a]);
        return c.Emit("Transpose", [c.Tensor(0)], ("perm", order));
    }

    private static string MoveDimensions(OnnxOperation c)
    {
        var rank = c.Rank(0);
        var from = c.Ints(1).Select(a => OnnxOperation.Axis(a, rank)).ToList();
        var to = c.Ints(2).Select(a => OnnxOperation.Axis(a, rank)).ToList();
        var rest = new Queue<int>(Enumerable.Range(0, rank).Where(a => !from.Contains(a)));
        return c.Emit("Transpose", [c.Tensor(0)],
            ("perm",
                (long[])[.. Enumerable.Range(0, rank).Select(a => (long)(to.IndexOf(a) is var i && i >= 0 ? from[i] : rest.Dequeue()))]));
    }

    private static string Squeeze(OnnxOperation c)
    {
        var shape = c.Shape(0);
        if (c.Count < 2 && shape.Any(s => !s.IsFixed && s.Value == 1))
            throw c.Refuse(
                "without a dimension it also takes away a size of one that may vary; name the dimensions, or give an example with that "
                    + "size above 1");
        var named = c.Count < 2 ? Enumerable.Range(0, shape.Count) : c.Ints(1).Select(a => OnnxOperation.Axis(a, shape.Count));
        var axes = named.Where(a => shape[a] is { IsFixed: true, Value: 1 }).Select(a => (long)a).ToArray();
        return axes.Length == 0 ? c.Tensor(0) : c.Emit("Squeeze", [c.Tensor(0), c.Int64(axes)]);
    }

    private static string Repeat(OnnxOperation c)
    {
        var counts = c.Wholes(1);
        var input = c.Tensor(0);
        for (var i = c.Rank(0); i < counts.Count; i++) input = c.Emit("Unsqueeze", [input, c.Int64(0)]);
        return c.Emit("Tile",
            [input, c.SizeList([.. Enumerable.Repeat(OnnxSize.Fixed(1), Math.Max(0, c.Rank(0) - counts.Count)), .. counts])]);
    }

    // SpaceToDepth orders channels the other way round: [N, C, h, r, w, r] is permuted instead.
    private static string PixelUnshuffle(OnnxOperation c)
    {
        if (c.Rank(0) != 4) throw c.Refuse("its input has not four dimensions");
        var r = c.Int(1);
        var (result, channels) = (c.ResultShape, c.Size(0, 1));
        var side = OnnxSize.Fixed(r);
        var split = c.Emit("Reshape",
            [c.Tensor(0), c.SizeList([OnnxSize.Fixed(0), OnnxSize.Fixed(channels), result[2], side, result[3], side])]);
        var ordered = c.Emit("Transpose", [split], ("perm", new[] { 0L, 1, 3, 5, 2, 4 }));
        return c.Emit("Reshape", [ordered, c.SizeList([OnnxSize.Fixed(0), OnnxSize.Fixed(channels * r * r), result[2], result[3]])]);
    }

    private static string ChannelShuffle(OnnxOperation c)
    {
        var (groups, rank, channels) = (c.Int(1), c.Rank(0), c.Size(0, 1));
        var rest = c.Shape(0).Skip(2);
        var split = c.Emit("Reshape",
            [c.Tensor(0), c.SizeList([OnnxSize.Fixed(0), OnnxSize.Fixed(groups), OnnxSize.Fixed(channels / groups), .. rest])]);
        var ordered = c.Emit("Transpose", [split], ("perm", (long[])[0, 2, 1, .. Enumerable.Range(3, rank - 2).Select(i => (long)i)]));
        return c.Emit("Reshape", [ordered, c.SizeList([OnnxSize.Fixed(0), OnnxSize.Fixed(channels), .. rest])]);
    }
}
