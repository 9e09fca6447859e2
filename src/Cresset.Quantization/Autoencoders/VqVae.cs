using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The convolutional VQ-VAE (van den Oord et al. 2017): strided convolutions and residual units around any quantizer; a fully convolutional
/// net, so any size that the stride divides.
/// </summary>
public sealed class VqVae : OneLevelTokenizer
{
    [ComponentName(Name = "encoder")]
    private readonly Sequential _encoder;
    [ComponentName(Name = "quantizer")]
    private readonly Quantizer _quantizer;
    [ComponentName(Name = "decoder")]
    private readonly Sequential _decoder;
    private readonly VqVaeOptions _options;

    /// <summary>
    /// Draws weights as PyTorch's layers do from the generator (seed 0 when null); the quantizer's width is the latent width.
    /// </summary>
    public VqVae(VqVaeOptions options, Quantizer quantizer, Generator? generator = null)
        : base(nameof(VqVae))
    {
        _options = options.ThrowIfInvalid();
        ArgumentNullException.ThrowIfNull(quantizer);
        _quantizer = quantizer;
        using var own = generator is null ? new Generator(0) : null;
        var d = options.Dimensions;
        long width = options.Width, half = width / 2;
        var encoder = new List<nn.Module<Tensor, Tensor>>();
        for (var i = 0; i < options.Downsamplings; i++)
        {
            encoder.Add(
                Convolutions.Halve(d, i == 0 ? options.Channels : i == 1 ? half : width,
                    i == 0 ? (options.Downsamplings == 1 ? width : half) : width));
            encoder.Add(nn.ReLU());
        }
        encoder.Add(Convolutions.Same(d, width, width, 3));
        for (var i = 0; i < options.ResidualUnits; i++) encoder.Add(new ResidualUnit(d, width, options.ResidualWidth));
        encoder.Add(nn.ReLU());
        encoder.Add(Convolutions.Same(d, width, quantizer.Width, 1));
        _encoder = nn.Sequential(encoder);

        var decoder = new List<nn.Module<Tensor, Tensor>> { Convolutions.Same(d, quantizer.Width, width, 3) };
        for (var i = 0; i < options.ResidualUnits; i++) decoder.Add(new ResidualUnit(d, width, options.ResidualWidth));
        decoder.Add(nn.ReLU());
        for (var i = 0; i < options.Downsamplings; i++)
        {
            var last = i == options.Downsamplings - 1;
            var from = i == 0 || !last ? width : half;
            decoder.Add(
                Convolutions.Double(d, options.Upsampler, from, last ? options.Channels : i == options.Downsamplings - 2 ? half : width));
            if (!last) decoder.Add(nn.ReLU());
        }
        _decoder = nn.Sequential(decoder);
        Initialize.Reset(_encoder, generator ?? own!);
        Initialize.Reset(_decoder, generator ?? own!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int SpatialDimensions => _options.Dimensions;

    /// <inheritdoc/>
    protected override Quantizer Bottleneck => _quantizer;

    /// <inheritdoc/>
    protected override int Stride => 1 << _options.Downsamplings;

    /// <inheritdoc/>
    protected override int Channels => _options.Channels;

    /// <inheritdoc/>
    protected override string Cure => "Crop or pad the data, or use fewer Downsamplings.";

    /// <inheritdoc/>
    protected override nn.Module FinalStage => _decoder;

    /// <summary>Latents [N, D, h, w] before quantization.</summary>
    public Tensor Latents(Tensor input)
    {
        CheckData(input);
        using var scope = NewDisposeScope();
        return ToVectors(input).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Data from values [N, D, h, w] of the quantizer.</summary>
    public Tensor DecodeValues(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.dim() != _options.Dimensions + 2 || values.size(1) != _quantizer.Width)
            throw Shape.Wrong(values, _options.Dimensions == 2 ? $"[N, {_quantizer.Width}, h, w]" : $"[N, {_quantizer.Width}, l]");
        using var scope = NewDisposeScope();
        return FromVectors(values).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Positions on each side that a code depends on: one a residual unit and one for the convolution before them; the strided ones see
    /// less than one more each way.
    /// </summary>
    internal override int? EncoderReach => _options.ResidualUnits + 3;

    /// <summary>
    /// Positions on each side that a sample of the reconstruction depends on: one a residual unit, one for the convolution before them, and
    /// up to two at each doubling, which counts half as much each time.
    /// Null where the upsampler's sight is not known here (learned sampling places, a user's own).
    /// </summary>
    internal override int? DecoderReach =>
        _options.Upsampler is TransposedUpsampler or NearestUpsampler or BilinearUpsampler or PixelShuffleUpsampler
            ? _options.ResidualUnits + 6 : null;

    /// <inheritdoc/>
    protected override Tensor ToVectors(Tensor data) => _encoder.call(ChannelsLast.Of(data));

    // Channels lie last inside only: what others get lies as usual.
    /// <inheritdoc/>
    protected override Tensor FromVectors(Tensor vectors) => _decoder.call(ChannelsLast.Of(vectors)).contiguous();
}
