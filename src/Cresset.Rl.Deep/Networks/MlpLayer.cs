namespace Cresset.Rl.Deep;

/// <summary>Where a layer's parameters lie in the flat vector; -1 where it has none of a kind.</summary>
/// <param name="Inputs">Values that go in.</param>
/// <param name="Outputs">Values that come out.</param>
/// <param name="Weight">[Inputs, Stride]: row i holds what input i adds to each output.</param>
/// <param name="Bias">[Stride].</param>
/// <param name="Gain">[Stride] of the layer norm.</param>
/// <param name="Shift">[Stride] of the layer norm.</param>
/// <param name="NoiseWeight">[Inputs, Stride].</param>
/// <param name="NoiseBias">[Stride].</param>
internal sealed record MlpLayer(int Inputs, int Outputs, int Weight, int Bias, int Gain, int Shift, int NoiseWeight, int NoiseBias)
{
    /// <summary>Distance of rows of outputs; what lies behind the outputs is zero.</summary>
    public int Stride { get; } = AlignedFloats.Stride(Outputs);

    /// <summary>Outputs up to whole vectors: what is computed of a row.</summary>
    public int Width { get; } = AlignedFloats.Padded(Outputs);

    public bool IsNoisy => NoiseWeight >= 0;

    public bool IsNormalized => Gain >= 0;

    public static MlpLayer[] Lay(MlpShape shape, out int length)
    {
        int[] widths = [shape.Inputs, .. shape.Hidden, shape.Outputs];
        var layers = new MlpLayer[widths.Length - 1];
        var at = 0;
        int Take(bool wanted, int count)
        {
            var start = at;
            if (wanted) at += count;
            return wanted ? start : -1;
        }
        for (var i = 0; i < layers.Length; i++)
        {
            var stride = AlignedFloats.Stride(widths[i + 1]);
            var (norm, noisy) = (shape.LayerNorm && i < layers.Length - 1, shape.Noisy && i > 0);
            layers[i] = new MlpLayer(
                widths[i], widths[i + 1],
                Take(true, widths[i] * stride), Take(true, stride),
                Take(norm, stride), Take(norm, stride),
                Take(noisy, widths[i] * stride), Take(noisy, stride));
        }
        length = at;
        return layers;
    }
}
