using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A transformer over sequences of codes.</summary>
public sealed record CodeTransformerOptions : IOptionsRecord
{
    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize { get; init; } = 512;

    /// <summary>Classes it is conditioned on; 0 for none.</summary>
    public int Classes { get; init; }

    /// <summary>Longest sequence: height times width of the map (times stages for residual codes).</summary>
    public int MaxLength { get; init; } = 49;

    /// <summary>Channels.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Attention heads; divides <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Share of training maps whose class is hidden from <see cref="MaskedCodeTransformer"/>, which makes guidance possible; 0.1 is usual.
    /// </summary>
    public double ClassDropout { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(CodebookSize, 2)
        .AtLeast(Classes, 0)
        .AtLeast(MaxLength, 1)
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width))
        .Within(Dropout, 0, 1, includeMax: false)
        .Within(ClassDropout, 0, 1, includeMax: false);
}
