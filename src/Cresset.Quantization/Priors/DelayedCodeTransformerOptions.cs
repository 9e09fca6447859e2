using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>
/// A transformer that makes all stages of residual codes at once, each stage a step later than the one before (MusicGen, Copet et al. 2023,
/// arXiv:2306.05284).
/// </summary>
public sealed record DelayedCodeTransformerOptions : IOptionsRecord
{
    /// <summary>Codes a stage chooses from.</summary>
    public int CodebookSize { get; init; } = 512;

    /// <summary>Stages of a position.</summary>
    public int Stages { get; init; } = 4;

    /// <summary>Classes it is conditioned on; 0 for none.</summary>
    public int Classes { get; init; }

    /// <summary>Most positions of a sequence.</summary>
    public int MaxLength { get; init; } = 64;

    /// <summary>Channels.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Attention heads; divides <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(CodebookSize, 2)
        .AtLeast(Stages, 1)
        .AtLeast(Classes, 0)
        .AtLeast(MaxLength, 1)
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width))
        .Within(Dropout, 0, 1, includeMax: false);
}
