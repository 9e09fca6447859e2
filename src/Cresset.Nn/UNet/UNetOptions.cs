using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>How a U-Net is built. Defaults: residual blocks with group norm and SiLU, as diffusion models use.</summary>
public sealed record UNetOptions : IOptionsRecord
{
    /// <summary>Channels of each level, finest first; their number is the depth. The resolution halves between levels.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [64, 128, 256, 512];

    /// <summary>Blocks on each level of the encoder (and of the decoder).</summary>
    public int BlocksPerLevel { get; init; } = 2;

    /// <summary>Residual pre-activation blocks; false: convolution, norm, activation, twice, as in 2015.</summary>
    public bool Residual { get; init; } = true;

    /// <summary>Normalisation.</summary>
    public NormOptions Norm { get; init; } = new GroupNormOptions();

    /// <summary>The activation.</summary>
    public ActivationOptions Activation { get; init; } = new SiluActivation();

    /// <summary>How the decoder doubles the resolution.</summary>
    public UpsamplerOptions Upsampler { get; init; } = new NearestUpsampler();

    /// <summary>How the encoder halves it.</summary>
    public DownsamplerOptions Downsampler { get; init; } = new StridedConvDownsampler();

    /// <summary>Levels (0 = finest) that have self-attention after each block.</summary>
    public IReadOnlyList<int> AttentionLevels { get; init; } = [];

    /// <summary>Self-attention between the two middle blocks.</summary>
    public bool MiddleAttention { get; init; }

    /// <summary>Heads of each attention.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Fused or explicit attention (explicit where second derivatives are needed).</summary>
    public AttentionPath AttentionPath { get; init; }

    /// <summary>
    /// Width of the conditioning vector that every block takes in (scale and shift after its first convolution); 0 has none.
    /// </summary>
    public int EmbeddingDim { get; init; }

    /// <summary>Dropout inside blocks, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>The last convolution starts at 0, so the network starts as the zero function (diffusion).</summary>
    public bool ZeroOutput { get; init; }

    /// <summary>
    /// Ronneberger et al. 2015 with batch norm: plain blocks, ReLU, max pooling, transposed convolutions, 64 to 1024 channels.
    /// </summary>
    public static UNetOptions Segmentation { get; } = new()
    {
        Channels = [64, 128, 256, 512, 1024],
        BlocksPerLevel = 1,
        Residual = false,
        Norm = new BatchNormOptions(),
        Activation = "relu",
        Downsampler = new MaxPoolDownsampler(),
        Upsampler = new TransposedUpsampler(),
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Channels is { Count: > 0 } && Channels.All(c => c > 0), Channels is null ? null : string.Join(", ", Channels),
            "one or more positive numbers", "", nameof(Channels))
        .AtLeast(BlocksPerLevel, 1, "", nameof(BlocksPerLevel))
        .Must(Norm is not null, Norm, "a norm (cresset list --norms)", field: nameof(Norm))
        .Nested(Norm)
        .Must(Activation is { KeepsShape: true }, Activation,
            "an activation whose result is as wide as its input (cresset list --activations)", field: nameof(Activation))
        .Nested(Activation)
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler)
        .Must(Downsampler is not null, Downsampler, "a downsampler (cresset list --downsamplers)", field: nameof(Downsampler))
        .Nested(Downsampler)
        .Must(AttentionLevels is not null && AttentionLevels.All(l => l >= 0 && l < (Channels?.Count ?? 0)),
            AttentionLevels is null ? null : string.Join(", ", AttentionLevels), $"levels from 0 to {(Channels?.Count ?? 1) - 1}", "",
            nameof(AttentionLevels))
        .AtLeast(Heads, 1, "", nameof(Heads))
        .Must(Heads < 1 || Channels is null
            || !(AttentionLevels ?? []).Where(l => l >= 0 && l < Channels.Count).Concat(MiddleAttention ? [Channels.Count - 1] : [])
                .Any(l => Channels[l] % Heads != 0), Heads, "a divisor of the channels of every level with attention", "", nameof(Heads))
        .AtLeast(EmbeddingDim, 0, "0 has no conditioning", nameof(EmbeddingDim))
        .Within(Dropout, 0.0, 1.0, includeMax: false, field: nameof(Dropout));
}
