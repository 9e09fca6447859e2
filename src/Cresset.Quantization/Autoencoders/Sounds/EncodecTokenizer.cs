using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// EnCodec's autoencoder around any quantizer, for sounds [N, C, L] whose length the stride divides. Its LSTM looks at all that came
/// before: sounds are not cut into pieces.
/// </summary>
/// <remarks>
/// State-dict keys: <c>encoder.model</c>, <c>quantizer</c>, <c>decoder.model</c>, numbered as in the published weights, whose weight norm
/// is multiplied out.
/// </remarks>
public sealed class EncodecTokenizer : OneLevelTokenizer
{
    [ComponentName(Name = "encoder")]
    private readonly EncodecStack _encoder;
    [ComponentName(Name = "quantizer")]
    private readonly Quantizer _quantizer;
    [ComponentName(Name = "decoder")]
    private readonly EncodecStack _decoder;
    private readonly EncodecOptions _options;

    /// <summary>
    /// Draws weights as PyTorch's layers do from the generator (seed 0 when null); the quantizer's width is that of the encoder's output.
    /// </summary>
    public EncodecTokenizer(EncodecOptions options, Quantizer quantizer, Generator? generator = null)
        : base(nameof(EncodecTokenizer))
    {
        _options = options.ThrowIfInvalid();
        ArgumentNullException.ThrowIfNull(quantizer);
        _quantizer = quantizer;
        using var own = generator is null ? new Generator(0) : null;
        _encoder = new EncodecStack(Encoder(options, quantizer.Width));
        _decoder = new EncodecStack(Decoder(options, quantizer.Width));
        Initialize.Reset(_encoder, generator ?? own!);
        Initialize.Reset(_decoder, generator ?? own!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int SpatialDimensions => 1;

    /// <inheritdoc/>
    protected override Quantizer Bottleneck => _quantizer;

    /// <inheritdoc/>
    protected override int Stride => _options.Stride;

    /// <inheritdoc/>
    protected override int Channels => _options.Channels;

    /// <inheritdoc/>
    protected override nn.Module FinalStage => _decoder;

    /// <inheritdoc/>
    protected override Tensor ToVectors(Tensor data) => _encoder.call(data);

    /// <inheritdoc/>
    protected override Tensor FromVectors(Tensor vectors) => _decoder.call(vectors);

    private static List<nn.Module<Tensor, Tensor>> Encoder(EncodecOptions options, long latent)
    {
        long width = options.Width;
        var layers =
            new List<nn.Module<Tensor, Tensor>> { new EncodecConvolution(options.Channels, width, options.Kernel, options.Causal) };
        foreach (var ratio in options.Ratios.Reverse())
        {
            for (var i = 0; i < options.ResidualUnits; i++) layers.Add(new EncodecUnit(width, options, 1L << i));
            layers.AddRange([nn.ELU(), new EncodecConvolution(width, 2 * width, 2 * ratio, options.Causal, stride: ratio)]);
            width *= 2;
        }
        if (options.LstmLayers > 0) layers.Add(new EncodecMemory(width, options.LstmLayers));
        layers.AddRange([nn.ELU(), new EncodecConvolution(width, latent, options.Kernel, options.Causal)]);
        return layers;
    }

    private static List<nn.Module<Tensor, Tensor>> Decoder(EncodecOptions options, long latent)
    {
        var width = (long)options.Width << options.Ratios.Count;
        var layers = new List<nn.Module<Tensor, Tensor>> { new EncodecConvolution(latent, width, options.Kernel, options.Causal) };
        if (options.LstmLayers > 0) layers.Add(new EncodecMemory(width, options.LstmLayers));
        foreach (var ratio in options.Ratios)
        {
            layers.AddRange([nn.ELU(), new EncodecLengthening(width, width / 2, ratio, options.Causal)]);
            width /= 2;
            for (var i = 0; i < options.ResidualUnits; i++) layers.Add(new EncodecUnit(width, options, 1L << i));
        }
        layers.AddRange([nn.ELU(), new EncodecConvolution(width, options.Channels, options.Kernel, options.Causal)]);
        return layers;
    }
}

/// <summary>Layers one after the other under the key <c>model</c>.</summary>
internal sealed class EncodecStack : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "model")]
    private readonly Sequential _layers;

    public EncodecStack(List<nn.Module<Tensor, Tensor>> layers)
        : base(nameof(EncodecStack))
    {
        _layers = nn.Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => _layers.call(input);
}
