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
public sealed class VqVae : Tokenizer
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
    public override IReadOnlyList<Quantizer> Quantizers => [_quantizer];

    /// <inheritdoc/>
    public override IReadOnlyList<int> Strides => [1 << _options.Downsamplings];

    /// <inheritdoc/>
    public override int SpatialDimensions => _options.Dimensions;

    /// <inheritdoc/>
    private protected override nn.Module FinalStage => _decoder;

    /// <summary>Reconstructs data [N, C, H, W] (or [N, C, L]) whose sizes the stride divides.</summary>
    public override VqVaeOutput forward(Tensor input)
    {
        Check(input);
        using var scope = NewDisposeScope();
        var quantization = _quantizer.QuantizeMap(_encoder.call(ChannelsLast.Of(input)));
        return new VqVaeOutput(Decoded(quantization.Quantized), [quantization]).MoveToOuterScope();
    }

    /// <summary>Latents [N, D, h, w] before quantization.</summary>
    public Tensor Latents(Tensor input)
    {
        Check(input);
        using var scope = NewDisposeScope();
        return _encoder.call(ChannelsLast.Of(input)).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Data from values [N, D, h, w] of the quantizer.</summary>
    public Tensor DecodeValues(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.dim() != _options.Dimensions + 2 || values.size(1) != _quantizer.Width)
            throw Shape.Wrong(values, _options.Dimensions == 2 ? $"[N, {_quantizer.Width}, h, w]" : $"[N, {_quantizer.Width}, l]");
        using var scope = NewDisposeScope();
        return Decoded(values).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(IReadOnlyList<Tensor> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count != 1)
            throw new ArgumentException($"A VQ-VAE has one level of codes; {indices.Count} were given.", nameof(indices));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Decoded(_quantizer.DecodeMap(indices[0])).MoveToOuterDisposeScope();
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

    internal override void CheckData(Tensor input) => Check(input);

    // Channels lie last inside only: what others get lies as usual.
    private Tensor Decoded(Tensor values) => _decoder.call(ChannelsLast.Of(values)).contiguous();

    private void Check(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (_options.Dimensions == 2) Shape.Expect(input, "N C H W", ("C", _options.Channels));
        else Shape.Expect(input, "N C L", ("C", _options.Channels));
        for (var i = 2; i < input.dim(); i++)
        {
            if (input.size(i) % Strides[0] != 0)
                throw Shape.Wrong(input, $"sizes that {Strides[0]} divides", "Crop or pad the data, or use fewer Downsamplings.");
        }
    }
}
