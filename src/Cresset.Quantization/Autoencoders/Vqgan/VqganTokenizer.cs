using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The autoencoder of VQGAN around any quantizer. Pictures are in 0..1 on both sides; inside they are in -1..1, as the published weights
/// want them.
/// Its attention and norms look at the whole picture: large pictures are not cut into pieces.
/// </summary>
/// <remarks>
/// State-dict keys are those of taming-transformers: <c>encoder</c>, <c>quant_conv</c>, <c>quantize</c>, <c>post_quant_conv</c>,
/// <c>decoder</c>.
/// </remarks>
public sealed class VqganTokenizer : OneLevelTokenizer
{
    [ComponentName(Name = "encoder")]
    private readonly VqganEncoder _encoder;
    [ComponentName(Name = "quant_conv")]
    private readonly Conv2d _toCodes;
    [ComponentName(Name = "quantize")]
    private readonly Quantizer _quantizer;
    [ComponentName(Name = "post_quant_conv")]
    private readonly Conv2d _fromCodes;
    [ComponentName(Name = "decoder")]
    private readonly VqganDecoder _decoder;
    private readonly VqganOptions _options;

    /// <summary>Draws weights as PyTorch's layers do from the generator (seed 0 when null).</summary>
    public VqganTokenizer(VqganOptions options, Quantizer quantizer, Generator? generator = null)
        : base(nameof(VqganTokenizer))
    {
        _options = options.ThrowIfInvalid();
        ArgumentNullException.ThrowIfNull(quantizer);
        _quantizer = quantizer;
        using var own = generator is null ? new Generator(0) : null;
        _encoder = new VqganEncoder(options);
        _toCodes = nn.Conv2d(options.LatentWidth, quantizer.Width, 1);
        _fromCodes = nn.Conv2d(quantizer.Width, options.LatentWidth, 1);
        _decoder = new VqganDecoder(options);
        foreach (var module in new nn.Module[] { _encoder, _toCodes, _fromCodes, _decoder }) Initialize.Reset(module, generator ?? own!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int SpatialDimensions => 2;

    /// <inheritdoc/>
    protected override Quantizer Bottleneck => _quantizer;

    /// <inheritdoc/>
    protected override int Stride => 1 << (_options.Multipliers.Count - 1);

    /// <inheritdoc/>
    protected override int Channels => _options.Channels;

    /// <inheritdoc/>
    protected override string Cure => "Crop or pad the pictures, or use fewer multipliers.";

    /// <inheritdoc/>
    protected override nn.Module FinalStage => _decoder;

    /// <inheritdoc/>
    protected override Tensor AtLastLayer(Tensor channelMeans) => (channelMeans * 2) - 1;

    /// <inheritdoc/>
    protected override Tensor ToVectors(Tensor data) => _toCodes.call(_encoder.call((data * 2) - 1));

    /// <inheritdoc/>
    protected override Tensor FromVectors(Tensor vectors) => (_decoder.call(_fromCodes.call(vectors)) + 1) / 2;
}
