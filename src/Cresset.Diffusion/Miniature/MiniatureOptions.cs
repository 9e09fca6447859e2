using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Which text encoders a miniature has.</summary>
public enum MiniatureEncoders
{
    /// <summary>One CLIP.</summary>
    Clip,

    /// <summary>Two CLIPs and T5, joined as in the large model.</summary>
    All,
}

/// <summary>Sizes of the miniature Stable Diffusion 3: the same parts, small enough to learn in a minute on two cores.</summary>
public sealed record MiniatureOptions : IOptionsRecord
{
    /// <summary>Side of the (square, grey) pictures.</summary>
    public int PictureSize { get; init; } = 8;

    /// <summary>Side of a patch, in pixels of the latent (of the picture where there is no autoencoder).</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Width of the transformer.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Heads of the transformer.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Joint blocks.</summary>
    public int Layers { get; init; } = 3;

    /// <summary>The text encoders.</summary>
    public MiniatureEncoders Encoders { get; init; }

    /// <summary>Width of the text embeddings: of T5; the two CLIPs have half of it each. One CLIP alone has it all.</summary>
    public int TextWidth { get; init; } = 32;

    /// <summary>Layers of each text encoder; at least 2, for the transformer reads the output of the last but one.</summary>
    public int TextLayers { get; init; } = 2;

    /// <summary>Tokens a prompt has, start and end included.</summary>
    public int ContextLength { get; init; } = 6;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(PictureSize)
        .Positive(PatchSize)
        .Must(PatchSize > 0 && PictureSize % PatchSize == 0, PictureSize, $"a multiple of PatchSize ({PatchSize})",
            field: nameof(PictureSize))
        .Defined(Encoders)
        .Positive(Heads)
        .Must(Heads > 0 && Width > 0 && Width % (4 * Heads) == 0, Width, $"a multiple of 4 * Heads ({4 * Heads})", field: nameof(Width))
        .Positive(Layers)
        .Must(TextWidth > 0 && TextWidth % (Encoders == MiniatureEncoders.All ? 4 : 2) == 0, TextWidth,
            Encoders == MiniatureEncoders.All ? "a multiple of 4" : "an even number", field: nameof(TextWidth))
        .AtLeast(TextLayers, 2)
        .AtLeast(ContextLength, 3);
}
