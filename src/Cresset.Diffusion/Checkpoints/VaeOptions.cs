using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Sizes of the autoencoder. Defaults are Stable Diffusion 3's, 83,819,683 parameters.</summary>
public sealed record VaeOptions : IOptionsRecord
{
    /// <summary>Stable Diffusion 3's and 3.5's 16-channel autoencoder.</summary>
    public static VaeOptions Sd3 { get; } = new();

    /// <summary>Channels of the picture.</summary>
    public int ImageChannels { get; init; } = 3;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 16;

    /// <summary>Channels of each resolution, from the picture's down.</summary>
    public IReadOnlyList<int> BlockChannels { get; init; } = [128, 256, 512, 512];

    /// <summary>Residual blocks a resolution in the encoder; the decoder has one more.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Groups of the normalisations.</summary>
    public int NormGroups { get; init; } = 32;

    /// <summary>Side of the pictures it was trained on; the side of a tile.</summary>
    public int SampleSize { get; init; } = 1024;

    /// <summary>Latents are (z - shift) * scale.</summary>
    public double ScalingFactor { get; init; } = 1.5305;

    /// <summary>Latents are (z - shift) * scale.</summary>
    public double ShiftFactor { get; init; } = 0.0609;

    /// <summary>A 1x1 convolution after the encoder (older autoencoders).</summary>
    public bool QuantConvolution { get; init; }

    /// <summary>A 1x1 convolution before the decoder (older autoencoders).</summary>
    public bool PostQuantConvolution { get; init; }

    /// <summary>Picture pixels a latent pixel stands for, each way.</summary>
    public int Downscale => 1 << (BlockChannels.Count - 1);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(ImageChannels)
        .Positive(LatentChannels)
        .Positive(LayersPerBlock)
        .Positive(NormGroups)
        .Positive(SampleSize)
        .Finite(ShiftFactor)
        .Must(ScalingFactor != 0 && double.IsFinite(ScalingFactor), ScalingFactor, "not 0", field: nameof(ScalingFactor))
        .Must(BlockChannels.Count > 0 && NormGroups > 0 && BlockChannels.All(c => c > 0 && c % NormGroups == 0),
            string.Join(", ", BlockChannels), $"multiples of NormGroups ({NormGroups})", field: nameof(BlockChannels));
}
