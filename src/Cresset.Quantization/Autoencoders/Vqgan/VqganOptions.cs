using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>
/// The autoencoder of VQGAN (Esser et al. 2020, arXiv:2012.09841, appendix): residual blocks with group norm at each size, attention at
/// small ones.
/// </summary>
public sealed record VqganOptions : IOptionsRecord
{
    /// <summary>Channels of the pictures.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Channels at full size, before the multipliers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Channels at each size over <see cref="Width"/>, the full size first; one fewer halvings than numbers.</summary>
    public IReadOnlyList<int> Multipliers { get; init; } = [1, 1, 2, 2, 4];

    /// <summary>Residual blocks at each size of the encoder; the decoder has one more.</summary>
    public int ResidualBlocks { get; init; } = 2;

    /// <summary>
    /// Sizes at which every block is followed by attention, counted from 0 for the full one. Between encoder and decoder there is always
    /// one.
    /// </summary>
    public IReadOnlyList<int> AttentionLevels { get; init; } = [4];

    /// <summary>Groups of the norms; divides the channels of every size.</summary>
    public int Groups { get; init; } = 32;

    /// <summary>Channels of the encoder's output, before the map to the quantizer's width.</summary>
    public int LatentWidth { get; init; } = 256;

    /// <summary>How the decoder doubles the size; nearest neighbours and a convolution leave no checkerboard.</summary>
    public UpsamplerOptions Upsampler { get; init; } = new NearestUpsampler();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Channels, 1)
        .Within(Width, 1, 4096)
        .Must(Multipliers is { Count: >= 2 and <= 8 } && Multipliers.All(m => m is >= 1 and <= 64),
            Multipliers is null ? null : string.Join(", ", Multipliers), "2 to 8 numbers from 1 to 64", field: nameof(Multipliers))
        .Within(ResidualBlocks, 1, 16)
        .Must(AttentionLevels is not null && Multipliers is not null && AttentionLevels.All(l => l >= 0 && l < Multipliers.Count),
            AttentionLevels is null ? null : string.Join(", ", AttentionLevels),
            "numbers of sizes, from 0 to one less than there are multipliers", field: nameof(AttentionLevels))
        .AtLeast(Groups, 1)
        .Must(Groups < 1 || Multipliers is null || Multipliers.All(m => Width * m % Groups == 0), Width,
            $"such that {Groups} groups divide the channels of every size", "Use fewer groups.", nameof(Width))
        .Within(LatentWidth, 1, 4096)
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler);
}
