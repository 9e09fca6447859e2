using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A tokenizer with one map of codes: an encoder, a quantizer and a decoder. One of your own gives these three; see
/// <see cref="Tokenizer"/>.
/// </summary>
public abstract class OneLevelTokenizer : Tokenizer
{
    /// <summary>Names the module.</summary>
    protected OneLevelTokenizer(string name)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Quantizer> Quantizers => [Bottleneck];

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int> Strides => [Stride];

    /// <summary>Reconstructs data [N, C, H, W] (or [N, C, L]) whose sizes the stride divides.</summary>
    public sealed override VqVaeOutput forward(Tensor input)
    {
        CheckData(input);
        using var scope = NewDisposeScope();
        var quantization = Bottleneck.QuantizeMap(ToVectors(input));
        return new VqVaeOutput(FromVectors(quantization.Quantized), [quantization]).MoveToOuterScope();
    }

    /// <inheritdoc/>
    public sealed override Tensor Decode(IReadOnlyList<Tensor> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count != 1)
            throw new ArgumentException($"{GetName()} has one level of codes; {indices.Count} were given.", nameof(indices));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return FromVectors(Bottleneck.DecodeMap(indices[0])).MoveToOuterDisposeScope();
    }

    /// <summary>The quantizer, a part of this module.</summary>
    protected abstract Quantizer Bottleneck { get; }

    /// <summary>By how much the map of codes is smaller than the data.</summary>
    protected abstract int Stride { get; }

    /// <summary>Channels of the data.</summary>
    protected abstract int Channels { get; }

    /// <summary>What to do with data whose sizes the stride does not divide: a sentence of the refusal.</summary>
    protected virtual string Cure => SpatialDimensions == 1 ? "Add silence at the end." : "Crop or pad the pictures.";

    /// <summary>Vectors [N, D, h, w] (or [N, D, l]) of data that were checked. The caller holds a scope.</summary>
    protected abstract Tensor ToVectors(Tensor data);

    /// <summary>Data of vectors [N, D, h, w] (or [N, D, l]). The caller holds a scope.</summary>
    protected abstract Tensor FromVectors(Tensor vectors);

    internal sealed override void CheckData(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Shape.Expect(input, SpatialDimensions == 1 ? "N C L" : "N C H W", ("C", Channels));
        for (var i = 2; i < input.dim(); i++)
        {
            if (input.size(i) % Stride != 0)
                throw Shape.Wrong(input, SpatialDimensions == 1 ? $"a length that {Stride} divides" : $"sizes that {Stride} divides", Cure);
        }
        CodeShapes(input.shape[2..]);
    }
}
