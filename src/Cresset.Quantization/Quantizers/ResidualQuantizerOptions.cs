using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Residual vector quantization (SoundStream, Zeghidour et al. 2021): each stage quantizes what the stages before left over.</summary>
public sealed record ResidualQuantizerOptions : IOptionsRecord
{
    /// <summary>Stages.</summary>
    public int Stages { get; init; } = 2;

    /// <summary>The quantizer of each stage. K-means places the first codes of a stage among its residuals.</summary>
    public VectorQuantizerOptions Stage { get; init; } = new() { Codebook = new() { Size = 256, KMeansIterations = 10 } };

    /// <summary>All stages read and teach one codebook.</summary>
    public bool SharedCodebook { get; init; }

    /// <summary>Probability that a sample keeps only its first n stages in training, n uniform: one model for many bit rates (DAC uses 0.5 a sample).</summary>
    public double DropoutProbability { get; init; }

    /// <summary>Kept stages are rounded up to a multiple of this (EnCodec uses 4).</summary>
    public int DropoutMultiple { get; init; } = 1;

    /// <summary>Candidates kept a stage; 1 is the greedy choice. A wider beam never gives a greater error than greedy.</summary>
    public int BeamWidth { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Stages, 1)
        .Nested(Stage)
        .OneOf(Stage.Estimator, [GradientEstimator.StraightThrough, GradientEstimator.Rotation], field: "Stage.Estimator")
        .Within(DropoutProbability, 0, 1)
        .AtLeast(DropoutMultiple, 1)
        .AtLeast(BeamWidth, 1)
        .Must(BeamWidth == 1 || Stage.Codebook.Similarity == CodeSimilarity.Euclidean, BeamWidth, "1 with cosine similarity", "The beam minimises a distance: use Euclidean similarity.", nameof(BeamWidth));
}
