using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Sizes of an MM-DiT (Esser et al. 2024, section 4). Defaults are Stable Diffusion 3 medium's.</summary>
public sealed record MmDitOptions : IOptionsRecord
{
    /// <summary>Stable Diffusion 3 medium: 2,028,328,000 parameters.</summary>
    public static MmDitOptions Sd3Medium { get; } = new();

    /// <summary>Stable Diffusion 3.5 medium: 2,243,171,520 parameters, dual attention in the first 13 layers.</summary>
    public static MmDitOptions Sd35Medium { get; } = new()
    {
        PositionTableSize = 384,
        QkNorm = true,
        DualAttentionLayers = [.. Enumerable.Range(0, 13)]
    };

    /// <summary>Stable Diffusion 3.5 large and large turbo: 8,056,627,520 parameters.</summary>
    public static MmDitOptions Sd35Large { get; } = new() { Layers = 38, Heads = 38, QkNorm = true };

    /// <summary>Side of the latent the network was made for; sets the spacing of a freshly built position table.</summary>
    public int SampleSize { get; init; } = 128;

    /// <summary>Side of a patch in latent pixels.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Channels of the latent.</summary>
    public int InChannels { get; init; } = 16;

    /// <summary>Channels of the velocity.</summary>
    public int OutChannels { get; init; } = 16;

    /// <summary>Number of joint blocks.</summary>
    public int Layers { get; init; } = 24;

    /// <summary>Width of a head.</summary>
    public int HeadDim { get; init; } = 64;

    /// <summary>Number of heads.</summary>
    public int Heads { get; init; } = 24;

    /// <summary>Width of the text embeddings.</summary>
    public int TextWidth { get; init; } = 4096;

    /// <summary>Width of the pooled text embedding.</summary>
    public int PooledWidth { get; init; } = 2048;

    /// <summary>Side of the square position table in patches; images are cut from its centre.</summary>
    public int PositionTableSize { get; init; } = 192;

    /// <summary>Root-mean-square normalisation of queries and keys (3.5).</summary>
    public bool QkNorm { get; init; }

    /// <summary>Layers whose image stream has a second attention of its own (3.5 medium).</summary>
    public IReadOnlyList<int> DualAttentionLayers { get; init; } = [];

    /// <summary>Width of the streams: <see cref="Heads"/> * <see cref="HeadDim"/>.</summary>
    public int Width => Heads * HeadDim;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(SampleSize)
        .Positive(PatchSize)
        .Positive(InChannels)
        .Positive(OutChannels)
        .Positive(Layers)
        .Positive(HeadDim)
        .Positive(Heads)
        .Positive(TextWidth)
        .Positive(PooledWidth)
        .Positive(PositionTableSize)
        .Must(Width % 4 == 0, Width, "a multiple of 4", "Position embeddings split the width into sine and cosine of row and column.",
            "Heads * HeadDim")
        .Must(DualAttentionLayers.All(i => i >= 0 && i < Layers) && DualAttentionLayers.Distinct().Count() == DualAttentionLayers.Count,
            string.Join(", ", DualAttentionLayers), $"different numbers from 0 to {Layers - 1}", field: nameof(DualAttentionLayers));
}
