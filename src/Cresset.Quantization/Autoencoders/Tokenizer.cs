using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// An autoencoder whose bottleneck is discrete: data to code maps and back. The decoder is fed by the codes alone; nothing goes round them.
/// </summary>
public abstract class Tokenizer : nn.Module<Tensor, VqVaeOutput>
{
    /// <summary>Names the module.</summary>
    protected Tokenizer(string name)
        : base(name)
    {
    }

    /// <summary>The quantizers, the coarsest level first.</summary>
    public abstract IReadOnlyList<Quantizer> Quantizers { get; }

    /// <summary>By how much a map of each level is smaller than the data, the coarsest first.</summary>
    public abstract IReadOnlyList<int> Strides { get; }

    /// <summary>
    /// Shape of each level's codes for data of those sides ([H, W] or [L]), the coarsest level first, without batch and stages: [h, w],
    /// [l], or [n] where the codes of several scales are one list.
    /// </summary>
    /// <exception cref="ArgumentException">The scales of a quantizer end with another side than its maps have.</exception>
    public IReadOnlyList<long[]> CodeShapes(IReadOnlyList<long> sides)
    {
        ArgumentNullException.ThrowIfNull(sides);
        return [.. Strides.Zip(Quantizers, (stride, quantizer) => CodeShape([.. sides.Select(side => side / stride)], quantizer.Scales))];
    }

    private static long[] CodeShape(long[] map, IReadOnlyList<int> scales)
    {
        if (scales.Count == 0) return map;
        if (map.Length == 2 && map[0] == scales[^1] && map[1] == scales[^1]) return [scales.Sum(side => (long)side * side)];
        throw new ArgumentException(
            $"The quantizer's scales [{string.Join(", ", scales)}] end with {scales[^1]}; the maps of these data are "
                + $"{string.Join("x", map)}. Square maps are needed, and scales that end with their side.");
    }

    /// <summary>
    /// Codes of data [N, C, H, W] (or [N, C, L]): int64 [N, h, w] a level (and the stages at the end when a vector has several), the
    /// coarsest first; [N, n] where the codes of several scales are one list. Computed in evaluation mode: reading codes teaches nothing.
    /// </summary>
    public IReadOnlyList<Tensor> Encode(Tensor data)
    {
        using var mode = EvaluationMode.Of(this);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. call(InWeightType(data)).Quantization.Select(q => q.Indices.MoveToOuterDisposeScope())];
    }

    private Tensor InWeightType(Tensor data)
    {
        if (!data.is_floating_point())
            throw new ArgumentException(
                $"data is of type {data.dtype}; a tokenizer reads floating-point values. Scale whole numbers first (bytes: "
                    + $"data.to(torch.float32) / 255).", nameof(data));
        return data.to(OutputWeight.dtype);
    }

    /// <summary>Data of the codes of every level.</summary>
    /// <exception cref="ArgumentException">An index is out of range, or the number of levels is wrong.</exception>
    public abstract Tensor Decode(IReadOnlyList<Tensor> indices);

    /// <summary>
    /// Moves the bias of the decoder's last layer so that reconstructions start around these means instead of around a random constant;
    /// training then spends its first steps on the pictures. Call it before training.
    /// </summary>
    /// <param name="channelMeans">Mean of the data in each channel, [C].</param>
    public void StartOutputAt(Tensor channelMeans)
    {
        Shape.Expect(channelMeans, "C");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var bias = FinalStage.named_parameters().Last(p => p.name.EndsWith("bias", StringComparison.Ordinal)).parameter;
        if (bias.numel() % channelMeans.numel() != 0) throw Shape.Wrong(channelMeans, "one number per channel of the data");
        // Sub-pixel upsamplers have several outputs a channel, side by side.
        bias.copy_(AtLastLayer(channelMeans).repeat_interleave(bias.numel() / channelMeans.numel()));
    }

    /// <summary>Weights of the layer that makes the data: where a VQGAN balances its two losses. Owned by the module.</summary>
    public Tensor OutputWeight => FinalStage.named_parameters().Last(p => p.parameter.dim() > 2).parameter;

    /// <summary>From quantized values to data; its last layer makes the data.</summary>
    protected abstract nn.Module FinalStage { get; }

    /// <summary>What the last layer gives where the data have these means.</summary>
    protected virtual Tensor AtLastLayer(Tensor channelMeans) => channelMeans;

    /// <summary>
    /// Positions on each side that a code depends on; null where it depends on all of the data (attention, norms over the whole).
    /// </summary>
    internal virtual int? EncoderReach => null;

    /// <summary>
    /// Positions on each side that a sample of the reconstruction depends on; null where it depends on all codes, or nobody knows on which.
    /// </summary>
    internal virtual int? DecoderReach => null;

    /// <summary>Refuses data of a shape that the tokenizer does not take.</summary>
    internal virtual void CheckData(Tensor input)
    {
    }

    /// <summary>
    /// Bits that an item of that many samples a channel takes (pixels, or samples of a signal), at ⌈log2 K⌉ bits an index.
    /// </summary>
    public long BitsPerItem(long samples)
    {
        var bits = 0L;
        for (var i = 0; i < Quantizers.Count; i++)
        {
            var scales = Quantizers[i].Scales;
            var positions = scales.Count > 0 ? scales.Sum(side => (long)side * side)
                : samples / (long)Math.Pow(Strides[i], SpatialDimensions);
            bits += BitRate.BitsPerItem(positions, Quantizers[i].CodebookSizes);
        }
        return bits;
    }

    /// <summary>2 for images, 1 for signals.</summary>
    public abstract int SpatialDimensions { get; }
}
