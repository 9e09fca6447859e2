namespace Cresset.Rl.Deep;

/// <summary>
/// What a pass through an <see cref="MlpNetwork"/> leaves behind: activations of up to a number of rows, and gradients when it can go back.
/// </summary>
internal sealed unsafe class MlpWorkspace
{
    internal MlpWorkspace(MlpNetwork network, int maxRows, bool withGradients)
    {
        MaxRows = maxRows;
        var layers = network.Layers;
        Input = new AlignedFloats(maxRows * network.Shape.Inputs);
        Outputs = Array.ConvertAll(layers, l => new AlignedFloats(maxRows * l.Stride));
        Normalized = Array.ConvertAll(layers, l => l.IsNormalized ? new AlignedFloats(maxRows * l.Stride) : null);
        Inverse = Array.ConvertAll(layers, l => l.IsNormalized ? new AlignedFloats(maxRows) : null);
        Gradients = withGradients ? Array.ConvertAll(layers, l => new AlignedFloats(maxRows * l.Stride)) : [];
        OutputStride = layers[^1].Stride;
    }

    /// <summary>Most rows of a pass.</summary>
    public int MaxRows { get; }

    /// <summary>Rows of the last pass.</summary>
    public int Rows { get; internal set; }

    /// <summary>Distance of the rows of <see cref="Output"/> and <see cref="OutputGradient"/>.</summary>
    public int OutputStride { get; }

    /// <summary>What the last pass put out, [Rows, OutputStride]; values behind the network's outputs are zero.</summary>
    public ReadOnlySpan<float> Output => Outputs[^1].Span[..(Rows * OutputStride)];

    /// <summary>Where the loss writes its gradient before the way back, [Rows, OutputStride]; padding must be left alone.</summary>
    public Span<float> OutputGradient => Gradients[^1].Span[..(Rows * OutputStride)];

    internal AlignedFloats Input { get; }

    internal AlignedFloats[] Outputs { get; }

    internal AlignedFloats?[] Normalized { get; }

    internal AlignedFloats?[] Inverse { get; }

    internal AlignedFloats[] Gradients { get; }
}
