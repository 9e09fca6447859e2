using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// The convolutional variational autoencoder of latent diffusion (Rombach et al. 2022) with SD3's 16 latent channels.
/// Keys are those of the diffusers folders.
/// </summary>
public sealed class Vae : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "encoder")]
    private readonly VaeEncoder _encoder;

    [ComponentName(Name = "decoder")]
    private readonly VaeDecoder _decoder;

    [ComponentName(Name = "quant_conv")]
    private readonly SquareConvolution? _quant;

    [ComponentName(Name = "post_quant_conv")]
    private readonly SquareConvolution? _postQuant;

    /// <summary>Builds the autoencoder.</summary>
    public Vae(VaeOptions options, WeightPlace? place = null)
        : base(nameof(Vae))
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options.ThrowIfInvalid();
        place ??= WeightPlace.Cpu;
        _encoder = new VaeEncoder(options, place);
        _decoder = new VaeDecoder(options, place);
        if (options.QuantConvolution) _quant = new SquareConvolution(2 * options.LatentChannels, 2 * options.LatentChannels, 1, place);
        if (options.PostQuantConvolution) _postQuant = new SquareConvolution(options.LatentChannels, options.LatentChannels, 1, place);
        RegisterComponents();
    }

    /// <summary>The sizes it was built with.</summary>
    public VaeOptions Options { get; }

    /// <summary>Work on overlapping tiles when a picture is larger than one, which bounds memory; null never does.</summary>
    public VaeTiling? Tiling { get; set; }

    /// <summary>Encode and decode one picture of a batch at a time.</summary>
    public bool Slicing { get; set; }

    /// <summary>Reconstruction through the mean of the latent, [N, 3, H, W] to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        using var latent = Encode(input);
        return DecodeRaw(latent.Mean).MoveToOuterDisposeScope();
    }

    /// <summary>The distribution of the (unscaled) latent.</summary>
    /// <param name="picture">[N, 3, H, W] in -1..1; H and W multiples of 8.</param>
    public LatentDistribution Encode(Tensor picture)
    {
        Shape.Expect(picture, "N C H W", ("C", Options.ImageChannels));
        if (picture.size(2) % Options.Downscale != 0 || picture.size(3) % Options.Downscale != 0)
            throw Shape.Wrong(picture, $"height and width that are multiples of {Options.Downscale}");
        using var scope = NewDisposeScope();
        return new LatentDistribution(
            BySlice(picture, x => Tiling is { } t && t.IsNeeded(x.size(2), x.size(3)) ? t.Encode(x, EncodeWhole) : EncodeWhole(x)));
    }

    /// <summary>
    /// The latent a transformer sees: (sample - shift) * scale, with standard-normal <paramref name="noise"/>, or the mean when null.
    /// </summary>
    public Tensor EncodeScaled(Tensor picture, Tensor? noise = null)
    {
        using var scope = NewDisposeScope();
        using var latent = Encode(picture);
        var z = noise is null ? latent.Mean : latent.Sample(noise);
        return z.sub(Options.ShiftFactor).mul_(Options.ScalingFactor).MoveToOuterDisposeScope();
    }

    /// <summary>Picture of a latent as the transformer makes it, [N, C, h, w] to [N, 3, 8h, 8w] in about -1..1.</summary>
    public Tensor Decode(Tensor scaled)
    {
        using var scope = NewDisposeScope();
        return DecodeRaw(scaled.div(Options.ScalingFactor).add_(Options.ShiftFactor)).MoveToOuterDisposeScope();
    }

    /// <summary>Picture of an unscaled latent.</summary>
    public Tensor DecodeRaw(Tensor latent)
    {
        Shape.Expect(latent, "N C H W", ("C", Options.LatentChannels));
        return BySlice(latent,
            z => Tiling is { } t && t.IsNeeded(z.size(2) * Options.Downscale, z.size(3) * Options.Downscale) ? t.Decode(z, DecodeWhole)
                : DecodeWhole(z));
    }

    /// <summary>Lays out all kernels with channels last: the faster order for inference on a CPU.</summary>
    public void UseChannelsLast()
    {
        foreach (var (_, module) in named_modules()) (module as SquareConvolution)?.UseChannelsLast();
    }

    private Tensor EncodeWhole(Tensor x)
    {
        using var scope = NewDisposeScope();
        var moments = _encoder.call(x.to(Dtype));
        return (_quant is null ? moments : _quant.call(moments)).MoveToOuterDisposeScope();
    }

    private Tensor DecodeWhole(Tensor z)
    {
        using var scope = NewDisposeScope();
        z = z.to(Dtype);
        return _decoder.call(_postQuant is null ? z : _postQuant.call(z)).MoveToOuterDisposeScope();
    }

    private ScalarType Dtype => _decoder.parameters().First().dtype;

    private Tensor BySlice(Tensor x, Func<Tensor, Tensor> work)
    {
        if (!Slicing || x.size(0) == 1) return work(x);
        using var scope = NewDisposeScope();
        return cat([.. Enumerable.Range(0, (int)x.size(0)).Select(i => work(x.narrow(0, i, 1)))], 0).MoveToOuterDisposeScope();
    }
}
