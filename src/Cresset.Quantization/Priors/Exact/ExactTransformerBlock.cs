namespace Cresset.Quantization;

/// <summary>A block of the transformers over codes in fixed order.</summary>
internal sealed record ExactTransformerBlock((float[] Scale, float[] Shift) First, ExactConvolution Projection, ExactConvolution Merge,
    (float[] Scale, float[] Shift) Second, ExactConvolution Expand, ExactConvolution Contract)
{
    /// <summary>The blocks under a prefix, in order.</summary>
    public static ExactTransformerBlock[] All(ExactWeights weights, string prefix = "")
        => [.. Enumerable.Range(0, weights.Count($"{prefix}blocks.")).Select(i => new ExactTransformerBlock(
            Norm(weights, $"{prefix}blocks.{i}.ln_1"),
            ExactConvolution.Of(weights, $"{prefix}blocks.{i}.qkv"),
            ExactConvolution.Of(weights, $"{prefix}blocks.{i}.proj"),
            Norm(weights, $"{prefix}blocks.{i}.ln_2"),
            ExactConvolution.Of(weights, $"{prefix}blocks.{i}.fc"),
            ExactConvolution.Of(weights, $"{prefix}blocks.{i}.out")))];

    /// <summary>Scale and shift of a layer norm.</summary>
    public static (float[] Scale, float[] Shift) Norm(ExactWeights weights, string name) =>
        (weights.Of($"{name}.weight"), weights.Of($"{name}.bias"));

    /// <summary>Changes rows x [rows, width] as the block does.</summary>
    /// <param name="x">The rows.</param>
    /// <param name="rows">Their number.</param>
    /// <param name="normed">Room for as many numbers; what attention mixed is expected here.</param>
    /// <param name="projected">Room for three times as many: queries, keys and values.</param>
    /// <param name="merged">Room for as many.</param>
    /// <param name="wide">Room for four times as many.</param>
    /// <param name="attend">Attends with <paramref name="projected"/> and writes into <paramref name="normed"/>.</param>
    public void Apply(float[] x, int rows, float[] normed, float[] projected, float[] merged, float[] wide, Action attend)
    {
        FixedOrder.Normalize(x, First.Scale, First.Shift, normed, rows);
        Projection.Apply(normed, projected, rows);
        attend();
        Merge.Apply(normed, merged, rows);
        Add(x, merged);
        FixedOrder.Normalize(x, Second.Scale, Second.Shift, normed, rows);
        Expand.Apply(normed, wide, rows);
        foreach (ref var value in wide.AsSpan()) value = FixedOrder.Gelu(value);
        Contract.Apply(wide, merged, rows);
        Add(x, merged);
    }

    private static void Add(float[] a, float[] b)
    {
        for (var i = 0; i < a.Length; i++) a[i] += b[i];
    }
}
