using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A small transformer that reads captions, trained with the prior that is conditioned on them.</summary>
public sealed record CaptionEncoderOptions : IOptionsRecord
{
    /// <summary>Numbers that stand for words, 0 among them, which stands behind the last word of a caption.</summary>
    public int Vocabulary { get; init; } = 256;

    /// <summary>Most words of a caption.</summary>
    public int MaxLength { get; init; } = 16;

    /// <summary>Channels of the encoder.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Attention heads; divides <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Vocabulary, 2)
        .AtLeast(MaxLength, 1)
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width));
}
