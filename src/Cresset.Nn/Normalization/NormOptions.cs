using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The normalisation of a convolutional block, by its options: what a recipe names under "norm".</summary>
[PartKind("norm")]
public abstract record NormOptions : IOptionsRecord
{
    /// <summary>True where the mean of each channel is taken away, so that a convolution before it needs no bias.</summary>
    public virtual bool RemovesBias => false;

    /// <summary>Makes the layer, [N, C, H, W] to the same shape.</summary>
    public abstract nn.Module<Tensor, Tensor> Build(long channels);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>No normalisation.</summary>
[Part("none")]
public sealed record NoNorm : NormOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => new Activation("identity");
}

/// <summary>Batch normalisation, with running statistics.</summary>
[Part("batch", "Ioffe and Szegedy 2015, arXiv:1502.03167")]
public sealed record BatchNormOptions : NormOptions
{
    /// <inheritdoc/>
    public override bool RemovesBias => true;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => nn.BatchNorm2d(channels);
}

/// <summary>Group normalisation; independent of the batch.</summary>
[Part("group", "Wu and He 2018, arXiv:1803.08494")]
public sealed record GroupNormOptions : NormOptions
{
    /// <summary>Most groups: the largest divisor of the channels up to this is taken.</summary>
    public int Groups { get; init; } = 32;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels)
    {
        var fitting = Math.Min(Groups, channels);
        while (channels % fitting != 0) fitting--;
        return new GroupNormalization(fitting, channels, 1e-5, WeightPlace.Cpu);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Groups, 1);
}

/// <summary>Instance normalisation with weight and bias.</summary>
[Part("instance", "Ulyanov et al. 2016, arXiv:1607.08022")]
public sealed record InstanceNormOptions : NormOptions
{
    /// <inheritdoc/>
    public override bool RemovesBias => true;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => nn.InstanceNorm2d(channels, affine: true);
}

/// <summary>Layer normalisation over the channels at each place (ConvNeXt).</summary>
[Part("layer", "Ba et al. 2016, arXiv:1607.06450")]
public sealed record LayerNormOptions : NormOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => new ChannelNorm(channels);
}

/// <summary>RMS normalisation over the channels at each place.</summary>
[Part("rms", "Zhang and Sennrich 2019, arXiv:1910.07467")]
public sealed record RmsNormOptions : NormOptions
{
    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(long channels) => new ChannelNorm(channels, center: false);
}
