using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A transformer over the codes of several scales (VAR, Tian et al. 2024, arXiv:2404.02905).</summary>
public sealed record NextScaleTransformerOptions : IOptionsRecord
{
    /// <summary>Codes a place chooses from.</summary>
    public int CodebookSize { get; init; } = 512;

    /// <summary>Classes it is conditioned on; 0 for none.</summary>
    public int Classes { get; init; }

    /// <summary>Sides of the square maps of codes, growing: those of the quantizer.</summary>
    public IReadOnlyList<int> Scales { get; init; } = [1, 2, 3, 4];

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
        .AtLeast(Classes, 0)
        .Must(ScaleGrid.AreValid(Scales), Scales is null ? "" : $"[{string.Join(", ", Scales)}]",
            "1 to 64 sides that grow, from 1 to 1024, such as [1, 2, 3, 4]", field: nameof(Scales))
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width))
        .Within(Dropout, 0, 1, includeMax: false);
}
