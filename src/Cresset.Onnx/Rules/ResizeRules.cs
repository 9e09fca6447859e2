namespace Cresset.Onnx;

/// <summary>Interpolation and sampling at given places.</summary>
internal static class ResizeRules
{
    public static void AddTo(RuleTable table)
    {
        for (var n = 1; n <= 3; n++)
        {
            var dimensions = n;
            // The place floor(x * in / out), and floor((x + 1/2) * in / out) of the exact form.
            table.One($"upsample_nearest{n}d",
                c => Resize(c, dimensions, 2,
                    [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")]));
            table.One($"_upsample_nearest_exact{n}d",
                c => Resize(c, dimensions, 2,
                    [("mode", "nearest"), ("coordinate_transformation_mode", "half_pixel"), ("nearest_mode", "round_prefer_ceil")]));
        }
        table.One("upsample_linear1d", c => Resize(c, 1, 3, [("mode", "linear"), Coordinates(c)]));
        table.One("upsample_bilinear2d", c => Resize(c, 2, 3, [("mode", "linear"), Coordinates(c)]));
        table.One("upsample_trilinear3d", c => Resize(c, 3, 3, [("mode", "linear"), Coordinates(c)]));
        table.One("upsample_bicubic2d", c => Resize(c, 2, 3, [("mode", "cubic"), Coordinates(c), ("cubic_coeff_a", -0.75f)]));
        foreach (var sampler in new[] { "grid_sampler", "grid_sampler_2d", "grid_sampler_3d" }) table.One(sampler, Sample);
        table.One("affine_grid_generator", c => c.Emit("AffineGrid", [c.Tensor(0), c.SizeList(c.Wholes(1))], ("align_corners", c.Flag(2))));
    }

    private static (string, object) Coordinates(OnnxOperation c) =>
        ("coordinate_transformation_mode", c.Flag(2) ? "align_corners" : "half_pixel");

    // Arguments: input, sizes?, (aligned), then factors as one list or one by one; they give the positions where they are given.
    private static string Resize(OnnxOperation c, int dimensions, int firstFactor, List<(string, object)> attributes)
    {
        var aligned = attributes.Any(a => a.Item2 is "align_corners");
        List<double> factors = [];
        for (var i = firstFactor; i < c.Count; i++)
        {
            if (c.Has(i)) factors.AddRange(c.Numbers(i));
        }
        if (factors.Count == dimensions && !aligned)
        {
            var scales = c.Constant(TorchSharp.torch.tensor((float[])[1, 1, .. factors.Select(f => (float)f)]));
            return c.Emit("Resize", [c.Tensor(0), "", scales], [.. attributes]);
        }
        var sizes = c.Emit("Concat", [c.Emit("Shape", [c.Tensor(0)], ("start", 0L), ("end", 2L)), c.SizeList([.. c.ResultShape.Skip(2)])],
            ("axis", 0L));
        return c.Emit("Resize", [c.Tensor(0), "", "", sizes], [.. attributes]);
    }

    private static string Sample(OnnxOperation c)
    {
        string[] modes = ["linear", "nearest", "cubic"], paddings = ["zeros", "border", "reflection"];
        return c.Emit("GridSample", [c.Tensor(0), c.Tensor(1)], ("mode", modes[c.Int(2)]), ("padding_mode", paddings[c.Int(3)]),
            ("align_corners", c.Flag(4)));
    }
}
