using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Sizes of a T5 encoder (version 1.1). Defaults are T5-XXL's, 4,762,310,656 parameters.</summary>
public sealed record T5EncoderOptions : IOptionsRecord
{
    /// <summary>T5-XXL 1.1's encoder.</summary>
    public static T5EncoderOptions Xxl { get; } = new();

    /// <summary>Rows of the token table.</summary>
    public int VocabularySize { get; init; } = 32128;

    /// <summary>Width of the stream.</summary>
    public int Width { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    public int Layers { get; init; } = 24;

    /// <summary>Number of heads.</summary>
    public int Heads { get; init; } = 64;

    /// <summary>Width of a head.</summary>
    public int HeadDim { get; init; } = 64;

    /// <summary>Hidden width of the gated MLPs.</summary>
    public int MlpWidth { get; init; } = 10240;

    /// <summary>Buckets of relative positions.</summary>
    public int Buckets { get; init; } = 32;

    /// <summary>Distance from which on all positions share a bucket.</summary>
    public int MaxDistance { get; init; } = 128;

    /// <summary>What normalisations add to the mean square.</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(VocabularySize)
        .Positive(Width)
        .Positive(Layers)
        .Positive(Heads)
        .Positive(HeadDim)
        .Positive(MlpWidth)
        .Positive(NormEpsilon)
        .Must(Buckets >= 4 && Buckets % 4 == 0, Buckets, "a multiple of 4", field: nameof(Buckets))
        .AtLeast(MaxDistance, (Buckets / 4) + 1);
}
