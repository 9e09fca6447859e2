using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Activation of CLIP's MLPs.</summary>
public enum ClipActivation
{
    /// <summary>x * sigmoid(1.702 x), CLIP-L.</summary>
    QuickGelu,

    /// <summary>Exact GELU, CLIP-G.</summary>
    Gelu,
}

/// <summary>Sizes of a CLIP text encoder. Defaults are CLIP-L's.</summary>
public sealed record ClipTextOptions : IOptionsRecord
{
    /// <summary>CLIP ViT-L/14's text encoder, 123,650,304 parameters with its projection.</summary>
    public static ClipTextOptions Large { get; } = new();

    /// <summary>OpenCLIP ViT-bigG/14's text encoder, 694,659,840 parameters.</summary>
    public static ClipTextOptions BigG { get; } = new()
    {
        Width = 1280,
        Layers = 32,
        Heads = 20,
        MlpWidth = 5120,
        ProjectionWidth = 1280,
        Activation = ClipActivation.Gelu,
        EndTokenId = 49407
    };

    /// <summary>Number of tokens.</summary>
    public int VocabularySize { get; init; } = 49408;

    /// <summary>Number of positions.</summary>
    public int Positions { get; init; } = 77;

    /// <summary>Width of the stream.</summary>
    public int Width { get; init; } = 768;

    /// <summary>Number of layers.</summary>
    public int Layers { get; init; } = 12;

    /// <summary>Number of heads.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Hidden width of the MLPs.</summary>
    public int MlpWidth { get; init; } = 3072;

    /// <summary>Width of the projected pooled embedding.</summary>
    public int ProjectionWidth { get; init; } = 768;

    /// <summary>Activation of the MLPs.</summary>
    public ClipActivation Activation { get; init; }

    /// <summary>
    /// The token whose first position is pooled. The value 2, which the oldest configurations carry by mistake, pools at the largest id
    /// instead, which is the end token too.
    /// </summary>
    public int EndTokenId { get; init; } = 2;

    /// <summary>What normalisations add to the variance.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(VocabularySize)
        .Positive(Positions)
        .Positive(Width)
        .Positive(Layers)
        .Positive(Heads)
        .Positive(MlpWidth)
        .Positive(ProjectionWidth)
        .Defined(Activation)
        .Positive(NormEpsilon)
        .Must(Heads > 0 && Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width));
}
