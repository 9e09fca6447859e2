using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Two levels of codes: the top at 1/8 of the size is quantized first; the bottom at 1/4 is quantized given the decoded top, and the
/// decoder sees both.
/// </summary>
public sealed class VqVae2 : Tokenizer
{
    [ComponentName(Name = "enc_b")]
    private readonly Sequential _encodeBottom;
    [ComponentName(Name = "enc_t")]
    private readonly Sequential _encodeTop;
    [ComponentName(Name = "quantize_conv_t")]
    private readonly Conv2d _projectTop;
    [ComponentName(Name = "quantize_t")]
    private readonly Quantizer _top;
    [ComponentName(Name = "dec_t")]
    private readonly Sequential _decodeTop;
    [ComponentName(Name = "quantize_conv_b")]
    private readonly Conv2d _projectBottom;
    [ComponentName(Name = "quantize_b")]
    private readonly Quantizer _bottom;
    [ComponentName(Name = "upsample_t")]
    private readonly nn.Module<Tensor, Tensor> _lift;
    [ComponentName(Name = "dec")]
    private readonly Sequential _decode;
    private readonly VqVae2Options _options;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    public VqVae2(VqVae2Options options, Quantizer top, Quantizer bottom, Generator? generator = null)
        : base(nameof(VqVae2))
    {
        _options = options.ThrowIfInvalid();
        ArgumentNullException.ThrowIfNull(top);
        ArgumentNullException.ThrowIfNull(bottom);
        (_top, _bottom) = (top, bottom);
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        long width = options.Width;
        _encodeBottom = Encoder(options.Channels, 2);
        _encodeTop = Encoder(width, 1);
        _projectTop = nn.Conv2d(width, top.Width, 1);
        _decodeTop = Decoder(top.Width, bottom.Width, 1);
        _projectBottom = nn.Conv2d(bottom.Width + width, bottom.Width, 1);
        _lift = options.Upsampler.Build(top.Width, top.Width);
        _decode = Decoder(top.Width + bottom.Width, options.Channels, 2);
        foreach (var module in new nn.Module[] { _encodeBottom, _encodeTop, _projectTop, _decodeTop, _projectBottom, _lift, _decode })
            Initialize.Reset(module, generator!);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Quantizer> Quantizers => [_top, _bottom];

    /// <inheritdoc/>
    public override IReadOnlyList<int> Strides => [8, 4];

    /// <inheritdoc/>
    public override int SpatialDimensions => 2;

    /// <inheritdoc/>
    protected override nn.Module FinalStage => _decode;

    /// <summary>Reconstructs images [N, C, H, W] with H and W multiples of 8.</summary>
    public override VqVaeOutput forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _options.Channels));
        if (input.size(2) % 8 != 0 || input.size(3) % 8 != 0)
            throw Shape.Wrong(input, "height and width that 8 divides", "Crop or pad the images.");
        using var scope = NewDisposeScope();
        var bottom = _encodeBottom.call(input);
        var top = _top.QuantizeMap(_projectTop.call(_encodeTop.call(bottom)));
        var fine = _bottom.QuantizeMap(_projectBottom.call(cat([_decodeTop.call(top.Quantized), bottom], 1)));
        return new VqVaeOutput(Join(top.Quantized, fine.Quantized), [top, fine]).MoveToOuterScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(IReadOnlyList<Tensor> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count != 2)
            throw new ArgumentException($"VQ-VAE-2 has two levels of codes, top then bottom; {indices.Count} were given.", nameof(indices));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Join(_top.DecodeMap(indices[0]), _bottom.DecodeMap(indices[1])).MoveToOuterDisposeScope();
    }

    private Tensor Join(Tensor top, Tensor bottom) => _decode.call(cat([_lift.call(top), bottom], 1));

    private Sequential Encoder(long channels, int halvings)
    {
        long width = _options.Width, half = width / 2;
        var layers = new List<nn.Module<Tensor, Tensor>>();
        if (halvings == 2)
            layers.AddRange([Convolutions.Halve(2, channels, half), nn.ReLU(), Convolutions.Halve(2, half, width), nn.ReLU(),
                Convolutions.Same(2, width, width, 3)]);
        else layers.AddRange([Convolutions.Halve(2, channels, half), nn.ReLU(), Convolutions.Same(2, half, width, 3)]);
        AddUnits(layers);
        return nn.Sequential(layers);
    }

    private Sequential Decoder(long from, long to, int doublings)
    {
        long width = _options.Width, half = width / 2;
        var layers = new List<nn.Module<Tensor, Tensor>> { Convolutions.Same(2, from, width, 3) };
        AddUnits(layers);
        if (doublings == 2) layers.AddRange([_options.Upsampler.Build(width, half), nn.ReLU(), _options.Upsampler.Build(half, to)]);
        else layers.Add(_options.Upsampler.Build(width, to));
        return nn.Sequential(layers);
    }

    private void AddUnits(List<nn.Module<Tensor, Tensor>> layers)
    {
        for (var i = 0; i < _options.ResidualUnits; i++) layers.Add(new ResidualUnit(2, _options.Width, _options.ResidualWidth));
        layers.Add(nn.ReLU());
    }
}
