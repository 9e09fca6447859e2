using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How a decoder enlarges [N, C, H, W], by its options: what a recipe names under "upsampler".</summary>
[PartKind("upsampler")]
public abstract record UpsamplerOptions : IOptionsRecord
{
    /// <summary>Makes the layer, [N, in, H, W] to [N, out, scale H, scale W].</summary>
    /// <exception cref="ArgumentOutOfRangeException">The scale is below 2.</exception>
    public nn.Module<Tensor, Tensor> Build(long inChannels, long outChannels, int scale = 2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 2);
        this.ThrowIfInvalid();
        return Make(inChannels, outChannels, scale);
    }

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Makes the layer.</summary>
    protected abstract nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale);
}

/// <summary>Transposed convolution whose kernel the stride covers evenly (2 x scale, less 1 for odd scales).</summary>
[Part("transposed", "Zeiler et al. 2010")]
public sealed record TransposedUpsampler : UpsamplerOptions
{
    /// <summary>Start as bilinear interpolation.</summary>
    public bool Bilinear { get; init; }

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale) =>
        Upsamplers.Transposed(inChannels, outChannels, scale, Bilinear);
}

/// <summary>Nearest neighbours, then a 3x3 convolution.</summary>
[Part("nearest", "Odena et al. 2016")]
public sealed record NearestUpsampler : UpsamplerOptions
{
    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale) =>
        new ResizeConv2d(inChannels, outChannels, scale, InterpolationMode.Nearest);
}

/// <summary>Bilinear interpolation, then a 3x3 convolution.</summary>
[Part("bilinear", "Odena et al. 2016")]
public sealed record BilinearUpsampler : UpsamplerOptions
{
    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale) =>
        new ResizeConv2d(inChannels, outChannels, scale, InterpolationMode.Bilinear);
}

/// <summary>Convolution to scale² times the channels, then pixel shuffle.</summary>
[Part("pixel-shuffle", "Shi et al. 2016, arXiv:1609.05158", Aliases = ["sub-pixel"])]
public sealed record PixelShuffleUpsampler : UpsamplerOptions
{
    /// <summary>Weights that start as nearest neighbours, without a checkerboard (ICNR, Aitken et al. 2017).</summary>
    public bool Icnr { get; init; } = true;

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale) =>
        new SubPixelConv2d(inChannels, outChannels, scale, icnr: Icnr);
}

/// <summary>Content-aware reassembly, then a 3x3 convolution.</summary>
[Part("carafe", "Wang et al. 2019, arXiv:1905.02188")]
public sealed record CarafeUpsampler : UpsamplerOptions
{
    /// <summary>Kernel that is reassembled, odd.</summary>
    public int Kernel { get; init; } = 5;

    /// <summary>Most channels from which kernels are predicted.</summary>
    public int Compressed { get; init; } = 64;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Kernel >= 1 && Kernel % 2 == 1, Kernel, "an odd number", field: nameof(Kernel))
        .AtLeast(Compressed, 1);

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale)
        => nn.Sequential(new Carafe(inChannels, scale, Kernel, compressed: Math.Min(Compressed, inChannels)),
            nn.Conv2d(inChannels, outChannels, 3, padding: 1));
}

/// <summary>Bilinear sampling at learned places, then a 3x3 convolution.</summary>
[Part("dysample", "Liu et al. 2023, arXiv:2308.15085", Aliases = ["dy-sample"])]
public sealed record DySampleUpsampler : UpsamplerOptions
{
    /// <summary>Channel groups with their own offsets; 1 where they do not divide the channels.</summary>
    public int Groups { get; init; } = 4;

    /// <summary>A second convolution scales the offsets ("DySample+").</summary>
    public bool DynamicScope { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Groups, 1);

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> Make(long inChannels, long outChannels, int scale)
    {
        var layer = new DySample(inChannels,
            new() { Scale = scale, Groups = inChannels % Groups == 0 ? Groups : 1, DynamicScope = DynamicScope });
        return nn.Sequential(layer, nn.Conv2d(inChannels, outChannels, 3, padding: 1));
    }
}

/// <summary>How an encoder halves [N, C, H, W], by its options: what a recipe names under "downsampler".</summary>
[PartKind("downsampler")]
public abstract record DownsamplerOptions : IOptionsRecord
{
    /// <summary>Makes the layer, [N, C, H, W] to [N, C, H / 2, W / 2].</summary>
    public abstract nn.Module<Tensor, Tensor> Build(long channels);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>The maximum of 2x2.</summary>
[Part("max-pool", "Ronneberger et al. 2015, arXiv:1505.04597")]
public sealed record MaxPoolDownsampler : DownsamplerOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => nn.MaxPool2d(2);
}

/// <summary>The mean of 2x2.</summary>
[Part("average-pool")]
public sealed record AveragePoolDownsampler : DownsamplerOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => nn.AvgPool2d(2);
}

/// <summary>A 3x3 convolution with stride 2.</summary>
[Part("strided-conv", "Ho et al. 2020, arXiv:2006.11239")]
public sealed record StridedConvDownsampler : DownsamplerOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => nn.Conv2d(channels, channels, 3, stride: 2, padding: 1);
}
