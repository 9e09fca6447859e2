using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The Descript Audio Codec's autoencoder around any quantizer, for sounds [N, C, L] whose length the stride divides.</summary>
/// <remarks>
/// State-dict keys: <c>encoder.block</c>, <c>quantizer</c>, <c>decoder.model</c>, numbered as in the published weights, whose weight norm
/// is multiplied out.
/// </remarks>
public sealed class DacTokenizer : OneLevelTokenizer
{
    // A residual unit sees three samples on each side, times its dilation: 1, 3, 9.
    private const int UnitsReach = 3 * (1 + 3 + 9);

    [ComponentName(Name = "encoder")]
    private readonly DacBlock _encoder;
    [ComponentName(Name = "quantizer")]
    private readonly Quantizer _quantizer;
    [ComponentName(Name = "decoder")]
    private readonly EncodecStack _decoder;
    private readonly DacOptions _options;

    /// <summary>
    /// Draws weights as PyTorch's layers do from the generator (seed 0 when null); the quantizer's width is that of the encoder's output.
    /// </summary>
    public DacTokenizer(DacOptions options, Quantizer quantizer, Generator? generator = null)
        : base(nameof(DacTokenizer))
    {
        _options = options.ThrowIfInvalid();
        ArgumentNullException.ThrowIfNull(quantizer);
        _quantizer = quantizer;
        using var own = generator is null ? new Generator(0) : null;
        _encoder = new DacBlock(Encoder(options, quantizer.Width));
        _decoder = new EncodecStack(Decoder(options, quantizer.Width));
        foreach (var module in new nn.Module[] { _encoder, _decoder })
        {
            Initialize.Reset(module, generator ?? own!);
            using var noGrad = no_grad();
            foreach (var (name, parameter) in module.named_parameters())
            {
                if (name.EndsWith("alpha", StringComparison.Ordinal)) parameter.fill_(1);
            }
        }
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
    protected override Tensor FromVectors(Tensor vectors)
    {
        var sound = _decoder.call(vectors);
        // Steps of an odd ratio give one sample too few: silence at the end makes up for them.
        var missing = (vectors.size(2) * Stride) - sound.size(2);
        return missing > 0 ? nn.functional.pad(sound, [0, missing]) : sound;
    }

    internal override int? EncoderReach
    {
        get
        {
            int reach = 3, step = 1;
            foreach (var ratio in _options.Ratios)
            {
                reach += (UnitsReach + ratio) * step;
                step *= ratio;
            }
            return (reach / step) + 3;
        }
    }

    internal override int? DecoderReach
    {
        get
        {
            double reach = 3, finer = 1;
            foreach (var ratio in _options.Ratios.Reverse())
            {
                reach += 2 / finer;
                finer *= ratio;
                reach += UnitsReach / finer;
            }
            return (int)Math.Ceiling(reach + (3 / finer)) + 1;
        }
    }

    private static List<nn.Module<Tensor, Tensor>> Encoder(DacOptions options, long latent)
    {
        long width = options.Width;
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.Conv1d(options.Channels, width, 7, padding: 3) };
        foreach (var ratio in options.Ratios)
        {
            layers.Add(
                new DacBlock([new DacUnit(width, 1), new DacUnit(width, 3), new DacUnit(width, 9), new DacSnake(width),
                    nn.Conv1d(width, 2 * width, 2 * ratio, stride: ratio, padding: (ratio + 1) / 2)]));
            width *= 2;
        }
        layers.AddRange([new DacSnake(width), nn.Conv1d(width, latent, 3, padding: 1)]);
        return layers;
    }

    private static List<nn.Module<Tensor, Tensor>> Decoder(DacOptions options, long latent)
    {
        long width = options.DecoderWidth;
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.Conv1d(latent, width, 7, padding: 3) };
        foreach (var ratio in options.Ratios.Reverse())
        {
            var half = width / 2;
            layers.Add(
                new DacBlock([new DacSnake(width), nn.ConvTranspose1d(width, half, 2 * ratio, stride: ratio, padding: (ratio + 1) / 2),
                    new DacUnit(half, 1), new DacUnit(half, 3), new DacUnit(half, 9)]));
            width = half;
        }
        layers.AddRange([new DacSnake(width), nn.Conv1d(width, options.Channels, 7, padding: 3), nn.Tanh()]);
        return layers;
    }
}

/// <summary>Layers one after the other under the key <c>block</c>.</summary>
internal sealed class DacBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "block")]
    private readonly Sequential _layers;

    public DacBlock(List<nn.Module<Tensor, Tensor>> layers)
        : base(nameof(DacBlock))
    {
        _layers = nn.Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => _layers.call(input);
}

/// <summary>DacSnake, wide convolution, snake, convolution of width 1, and a shortcut.</summary>
internal sealed class DacUnit : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "block")]
    private readonly Sequential _block;

    public DacUnit(long width, long dilation)
        : base(nameof(DacUnit))
    {
        _block = nn.Sequential(new DacSnake(width), nn.Conv1d(width, width, 7, dilation: dilation, padding: 3 * dilation),
            new DacSnake(width), nn.Conv1d(width, width, 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (input + _block.call(input)).MoveToOuterDisposeScope();
    }
}

/// <summary>x + sin²(a x) / a with a learned rate a for each channel (Liu et al. 2020, arXiv:2006.08195).</summary>
internal sealed class DacSnake : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "alpha")]
    private readonly Parameter _rate;

    public DacSnake(long channels)
        : base(nameof(DacSnake))
    {
        _rate = new Parameter(ones(1, channels, 1));
        _rate.DetachFromDisposeScope();
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (input + ((input * _rate).sin().square() / (_rate + 1e-9))).MoveToOuterDisposeScope();
    }
}
