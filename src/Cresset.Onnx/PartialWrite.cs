namespace Cresset.Onnx;

/// <summary>A part of a tensor written in place (<c>y[.., 2..4] = x</c>): the whole with that part exchanged.</summary>
internal static class PartialWrite
{
    /// <summary>The whole with <paramref name="written"/> where <paramref name="view"/>, a slice, selection or narrowing, looks.</summary>
    public static string Replace(OnnxOperation view, string written)
    {
        var axis = OnnxOperation.Axis(view.Int(1), view.Rank(0));
        var size = view.Size(0, axis);
        long[] places;
        if (view.Name == "aten::select")
        {
            places = [view.Int(2) < 0 ? view.Int(2) + size : view.Int(2)];
            written = view.Emit("Unsqueeze", [written, view.Int64(axis)]);
        }
        else
        {
            var (start, end, step) = view.Name == "aten::narrow" ? (view.Int(2), view.Int(2) + view.Int(3), 1)
                : (view.Has(2) ? view.Int(2) : 0, view.Has(3) ? view.Int(3) : size, view.Int(4));
            (start, end) = (Math.Clamp(start < 0 ? start + size : start, 0, size), Math.Clamp(end < 0 ? end + size : end, 0, size));
            places = [.. Enumerable.Range(0, (int)Math.Max(0, (end - start + step - 1) / step)).Select(i => start + (i * step))];
        }
        // The whole and the part side by side; then each place is taken from the one or the other.
        var order = Enumerable.Range(0, (int)size).Select(i => (long)i).ToArray();
        for (var i = 0; i < places.Length; i++) order[places[i]] = size + i;
        return view.Emit("Gather", [view.Emit("Concat", [view.Tensor(0), written], ("axis", axis)), view.Int64(order)], ("axis", axis));
    }
}
