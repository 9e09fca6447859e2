using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>
/// A transformer that makes all stages of residual codes at once, each stage a step later than the one before (MusicGen, Copet et al. 2023,
/// arXiv:2306.05284).
/// </summary>
public sealed record DelayedCodeTransformerOptions : TransformerPriorOptions
{
    /// <summary>Stages of a position.</summary>
    public int Stages { get; init; } = 4;

    /// <summary>Most positions of a sequence.</summary>
    public int MaxLength { get; init; } = 64;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => CommonOfTransformers()
        .AtLeast(Stages, 1)
        .AtLeast(MaxLength, 1);
}
