using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>What the options of all models over codes have: the number of codes, and what the model is told of a map beside them.</summary>
public abstract record PriorOptions : IOptionsRecord
{
    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize { get; init; } = 512;

    /// <summary>Classes it is conditioned on; 0 for none.</summary>
    public int Classes { get; init; }

    /// <summary>How captions are read by a model that is conditioned on them; null for one that is not.</summary>
    public CaptionEncoderOptions? Captions { get; init; }

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();

    private protected OptionChecks Common()
    {
        var checks = new OptionChecks()
            .AtLeast(CodebookSize, 2)
            .AtLeast(Classes, 0)
            .Must(Captions is null || Classes == 0, Classes, "0 beside captions", "A map is told one condition: its class or its caption.",
                nameof(Classes));
        return Captions is null ? checks : checks.Nested(Captions);
    }
}

/// <summary>What the options of the transformers over codes have.</summary>
public abstract record TransformerPriorOptions : PriorOptions
{
    /// <summary>Channels.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Attention heads; divides <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; }

    private protected OptionChecks CommonOfTransformers() => Common()
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width))
        .Within(Dropout, 0, 1, includeMax: false);
}
