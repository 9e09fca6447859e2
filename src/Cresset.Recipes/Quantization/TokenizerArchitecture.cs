using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Quantization;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The autoencoder around the bottleneck. One of your own derives from it.</summary>
[PartKind("autoencoder")]
public abstract record TokenizerArchitecture : IOptionsRecord
{
    /// <summary>True for one map of codes, which is what a prior learns.</summary>
    public virtual bool HasOneMap => false;

    /// <summary>2 for pictures [N, C, H, W], 1 for sounds [N, C, L].</summary>
    public virtual int SpatialDimensions => 2;

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Pixels to one place of the coarsest map; divides the side of pictures.</summary>
    public abstract int StrideOf(TokenizerOptions options);

    /// <summary>Makes the autoencoder; weights follow the generator.</summary>
    /// <param name="options">Width, halvings.</param>
    /// <param name="channels">Of the pictures.</param>
    /// <param name="quantizer">Makes a bottleneck, one for each map of codes.</param>
    /// <param name="generator">Source of the weights.</param>
    public abstract Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator);
}

/// <summary>One map of codes.</summary>
[Part("vq-vae", "van den Oord et al. 2017, arXiv:1711.00937")]
internal sealed record VqVaeArchitecture : TokenizerArchitecture
{
    private static readonly VqVaeOptions Library = new();

    /// <summary>Residual units (ReLU, 3-wide, ReLU, 1-wide) in encoder and in decoder.</summary>
    public int ResidualUnits { get; init; } = Library.ResidualUnits;

    /// <summary>How the decoder doubles the size; nearest neighbours and a convolution leave no checkerboard.</summary>
    public UpsamplerOptions Upsampler { get; init; } = Library.Upsampler;

    /// <inheritdoc/>
    public override bool HasOneMap => true;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return 1 << Math.Clamp(options.Downsamplings, 1, 6);
    }

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        return new VqVae(
            new()
            {
                Channels = channels,
                Width = options.Width,
                Downsamplings = options.Downsamplings,
                ResidualUnits = ResidualUnits,
                Upsampler = Upsampler
            }, quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(ResidualUnits, 0)
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler);
}

/// <summary>One row of codes for sounds and other signals of one dimension.</summary>
[Part("signal-vq-vae", "van den Oord et al. 2017, arXiv:1711.00937")]
internal sealed record SignalVqVaeArchitecture : TokenizerArchitecture
{
    private static readonly VqVaeOptions Library = new();

    /// <inheritdoc/>
    public override int SpatialDimensions => 1;

    /// <summary>Residual units (ReLU, 3-wide, ReLU, 1-wide) in encoder and in decoder.</summary>
    public int ResidualUnits { get; init; } = Library.ResidualUnits;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return 1 << Math.Clamp(options.Downsamplings, 1, 10);
    }

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        return new VqVae(
            new()
            {
                Channels = channels,
                Dimensions = 1,
                Width = options.Width,
                Downsamplings = options.Downsamplings,
                ResidualUnits = ResidualUnits
            }, quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(ResidualUnits, 0);
}

/// <summary>Two maps of codes, a coarse one and a fine one, with strides of 8 and 4.</summary>
[Part("vq-vae2", "Razavi et al. 2019, arXiv:1906.00446", Aliases = ["vq-vae-2"])]
internal sealed record VqVae2Architecture : TokenizerArchitecture
{
    private static readonly VqVae2Options Library = new();

    /// <summary>How decoders double the size; nearest neighbours and a convolution leave no checkerboard.</summary>
    public UpsamplerOptions Upsampler { get; init; } = Library.Upsampler;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options) => 8;

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        var top = quantizer();
        return new VqVae2(new() { Channels = channels, Width = options.Width, Upsampler = Upsampler }, top, quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler);
}
